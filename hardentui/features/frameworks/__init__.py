"""Controls of security frameworks (CIS, NIST, BSI): which the findings show, which they
contradict, and which need a person."""
