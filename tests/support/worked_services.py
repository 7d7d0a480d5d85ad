"""Real services from Debian packages, each with a shallow probe and a month of work that no probe
does.

An image is made of packages (mmdebstrap, kept for the next run), a script that sets it up, and an
entry script.
"""

import hashlib
import os
import re
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

from tests.conftest import cannot_run
from tests.support.podman import Bench

NAME = "worked"
"""Of the container that works."""
SOURCES = Path("/etc/apt/sources.list.d/debian.sources")
ANNA = "useradd -m -s /bin/sh anna && echo anna:secret | chpasswd"
_MAIL = r"From: b@t\r\nTo: anna@localhost\r\nSubject: hello\r\n\r\nwork\r\n"
_FCGI = (
    'perl -MIO::Socket::INET -e \'$s = IO::Socket::INET->new("127.0.0.1:9000"); '
    'sub r { print $s pack("CCnnCC", 1, $_[0], 1, length $_[1], 0, 0), $_[1] } '
    '%p = (SCRIPT_FILENAME => "/home/www/work.php", REQUEST_METHOD => "GET"); r(1, pack("nCx5", 1, 0)); '
    'r(4, join "", map { pack("CC", length, length $p{$_}) . $_ . $p{$_} } keys %p); r(4, ""); r(5, ""); '
    "local $/; print <$s>'"
)

_NODE = "node -e 'fetch(\"http://127.0.0.1:3000/{}\").then(r => r.text()).then(console.log)'"


class Step(NamedTuple):
    """A piece of work.

    Attributes:
        where: `beside`: in a container of the unhardened image in its network, as a client would;
            `inside`: as an admin with `podman exec`; `signal`: the script names one for its main
            process.
        expects: what the output must contain.
    """

    name: str
    where: str
    script: str
    expects: str = ""


class WorkedService(NamedTuple):
    """A service.

    Attributes:
        setup: prepares the image; `entry`: its main script.
        probe: shell, on the machine, of a reachable service at $TWIN_IP.
        ready: shell, inside, succeeds when it serves.
        volumes: directories with its data; none = all of it is in its own layer.
        before: work inside, before it is hardened.
    """

    name: str
    packages: str
    setup: str
    entry: str
    probe: str
    ready: str
    work: tuple[Step, ...]
    volumes: tuple[str, ...] = ("/home",)
    before: str = "true"


def _banner(port: int, text: str) -> str:
    return f"bash -c 'exec 3<>/dev/tcp/$TWIN_IP/{port}; read -r line <&3; [[ $line == *{text}* ]]'"


def _open(port: int) -> str:
    return f"bash -c 'exec 3<>/dev/tcp/$TWIN_IP/{port}'"


def _inside(port: int) -> str:
    return f"bash -c 'exec 3<>/dev/tcp/127.0.0.1/{port}'"


_SSH = "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -i /root/key"

SERVICES = (
    WorkedService(
        "sshd", "openssh-server",
        f"{ANNA}; ssh-keygen -A; ssh-keygen -qt ed25519 -N '' -f /root/key; for d in /home/anna /home/ben; do "
        "mkdir -p $d/.ssh; cp /root/key.pub $d/.ssh/authorized_keys; done; useradd -s /bin/false ben; "
        "mkdir /home/ben/in; chown -R anna: /home/anna; chown ben: /home/ben/in; "
        r"printf 'Match User ben\n ChrootDirectory /home/ben\n ForceCommand internal-sftp\n' >>/etc/ssh/sshd_config",
        "mkdir -p /run/sshd; exec /usr/sbin/sshd -D -e",
        _banner(22, "SSH-2"), _inside(22),
        (
            Step("login", "beside", f"ssh {_SSH} anna@127.0.0.1 'id -un; echo hi >new; mv new " "newer; cat newer'", "anna"),
            Step("chrooted sftp", "beside", f"echo 'put /etc/hosts in/f' | sftp -b - {_SSH} " "ben@127.0.0.1", ""),
            Step("terminal", "beside", f"ssh -tt {_SSH} anna@127.0.0.1 'tty; stty -a | head -1'", "/dev/pts"),
            Step("reload", "signal", "HUP"),
            Step("login after it", "beside", f"sleep 1; ssh {_SSH} anna@127.0.0.1 id -un", "anna"),
        ),
    ),
    WorkedService(
        "vsftpd", "vsftpd,curl",
        f"{ANNA}; printf 'listen=YES\\nlisten_ipv6=NO\\nlocal_enable=YES\\nwrite_enable=YES\\nanonymous_enable=NO\\n"
        "chroot_local_user=YES\\nallow_writeable_chroot=YES\\nbackground=NO\\nxferlog_enable=YES\\n"
        "vsftpd_log_file=/home/log\\nsecure_chroot_dir=/var/run/vsftpd/empty\\npam_service_name=vsftpd\\n"
        "connect_from_port_20=YES\\n' >/etc/vsftpd.conf",
        "mkdir -p /var/run/vsftpd/empty; trap 'kill $p; exit 0' TERM; while :; do vsftpd & p=$!; wait $p; done",
        _banner(21, "220"), _inside(21),
        (
            Step("upload", "beside", "curl -sS -T /etc/hosts ftp://anna:secret@127.0.0.1/up"),
            Step("active download", "beside", "curl -sS -P - ftp://anna:secret@127.0.0.1/up", "localhost"),
            Step("rename, chmod", "beside",
                 "curl -sS -Q 'RNFR up' -Q 'RNTO to' -Q 'SITE CHMOD 600 to' ftp://anna:secret@127.0.0.1/", "to"),
            Step(
                "reload",
                "inside",
                "kill -HUP $(grep -l ^vsftpd /proc/[0-9]*/comm | head -1 | cut -d/ -f3)",
            ),
            Step("again", "beside", "curl -sS ftp://anna:secret@127.0.0.1/to", "localhost"),
        ),
    ),
    WorkedService(
        "cron", "cron",
        f"{ANNA}; echo '* * * * * id -un >>/home/anna/out; date >>/home/anna/out' | crontab -u anna -; "
        "echo '* * * * * root chown anna /home/log; mv /home/log /home/log.1; date >/home/log' >/etc/cron.d/rotate; "
        "date >/home/log",
        "exec cron -f", "true", "test -e /run/crond.pid",
        (
            Step("a user's job", "inside", "for i in $(seq 90); do test -s /home/anna/out && break; sleep 1; done; "
                 "cat /home/anna/out; stat -c owner:%U /home/anna/out", "owner:anna"),
            Step("a job of root", "inside", "for i in $(seq 30); do test -e /home/log.1 && break; sleep 1; done; "
                 "stat -c owner:%U /home/log.1", "owner:anna"),
        ),
    ),
    WorkedService(
        "postfix", "postfix,curl",
        f"{ANNA}; postconf -e mydestination=localhost home_mailbox=Maildir/ inet_interfaces=all "
        "inet_protocols=ipv4 mynetworks=0.0.0.0/0 maillog_file=/dev/stdout smtpd_relay_restrictions=permit_mynetworks,reject_unauth_destination",
        "exec postfix start-fg", _banner(25, "220"), _inside(25),
        (
            Step("delivery", "beside", f"printf '{_MAIL}' >/m; curl -sS smtp://127.0.0.1 --mail-from b@t "
                 "--mail-rcpt anna@localhost -T /m"),
            Step("in the mailbox", "inside", "for i in $(seq 30); do ls /home/anna/Maildir/new/* && break; sleep 1; "
                 "done; stat -c owner:%U /home/anna/Maildir/new/*", "owner:anna"),
            Step("reload", "inside", "postfix reload"),
            Step("again", "beside", f"sleep 2; printf '{_MAIL}' >/m; curl -sS smtp://127.0.0.1 --mail-from b@t "
                 "--mail-rcpt anna@localhost -T /m"),
            Step("queue", "inside", "postqueue -p; sleep 3; ls /home/anna/Maildir/new | wc -l", "2"),
        ),
        ("/home", "/var/spool/postfix", "/var/lib/postfix"),
    ),
    WorkedService(
        "dovecot", "dovecot-imapd,curl",
        f"{ANNA}; printf 'mail_driver = maildir\\nmail_path = ~/Maildir\\nssl = no\\nauth_allow_cleartext = yes\\n"
        "mail_inbox_path =\\n' >/etc/dovecot/conf.d/99-t.conf",
        "exec dovecot -F", _banner(143, "OK"), _inside(143),
        (
            Step("login", "beside", "curl -sS imap://anna:secret@127.0.0.1/", "INBOX"),
            Step("append", "beside", f"printf '{_MAIL}' >/m; curl -sS -T /m imap://anna:secret@127.0.0.1/INBOX; "
                 "curl -sS 'imap://anna:secret@127.0.0.1/INBOX;MAILINDEX=1'", "work"),
            Step("owner", "inside", "stat -c owner:%U $(find /home /var/mail -newer /entry -type f | grep -v Trash | head -1)", "owner:anna"),
            Step("reload", "signal", "HUP"),
            Step("again", "beside", "sleep 2; curl -sS imap://anna:secret@127.0.0.1/ -X 'CREATE box'; "
                 "curl -sS imap://anna:secret@127.0.0.1/", "box"),
            Step("admin", "inside", "doveadm who; doveadm mailbox status -u anna messages INBOX", "messages=1"),
        ),
        ("/home", "/var/lib/dovecot"),
    ),
    WorkedService(
        "unbound", "unbound,python3-minimal",
        "printf 'server:\\n interface: 0.0.0.0\\n access-control: 0.0.0.0/0 allow\\n logfile: /home/log/unbound.log\\n"
        " use-syslog: no\\n verbosity: 2\\n module-config: iterator\\n local-data: \"known.test. A 192.0.2.7\"\\n"
        "remote-control:\\n control-enable: yes\\n control-interface: /run/unbound.ctl\\n' >/etc/unbound/unbound.conf; "
        "mkdir -p /home/log; chown unbound /home/log",
        "exec unbound -d", _open(53), _inside(53),
        (
            Step("query", "beside", "printf 'nameserver 127.0.0.1\\n' >/etc/resolv.conf; getent hosts known.test",
                 "192.0.2.7"),
            Step("rotation", "inside", "mv /home/log/unbound.log /home/log/old; unbound-control log_reopen; "
                 "unbound-control status; ls /home/log", "unbound.log"),
            Step("reload", "signal", "HUP"),
            Step("again", "beside", "sleep 1; printf 'nameserver 127.0.0.1\\noptions use-vc\\n' >/etc/resolv.conf; "
                 "getent hosts known.test", "192.0.2.7"),
            Step("flush, stats", "inside", "unbound-control reload; unbound-control stats_noreset | head -2", "thread"),
        ),
    ),
    WorkedService(
        "squid", "squid,curl,python3-minimal",
        "printf 'http_port 3128\\nhttp_access allow all\\ncache_dir ufs /var/spool/squid 20 4 4\\n"
        "cache_effective_user proxy\\npid_filename /run/squid.pid\\nlogfile_rotate 3\\n' >/etc/squid/squid.conf; chown proxy /var/spool/squid",
        "squid -z -N 2>&1; exec squid -N", _open(3128), _inside(3128),
        (
            Step("proxy", "beside", "mkdir /w; echo page >/w/p; cd /w; python3 -m http.server 8000 & sleep 2; "
                 "curl -sS -x http://127.0.0.1:3128 http://127.0.0.1:8000/p", "page"),
            Step("rotation", "inside", "squid -k rotate; sleep 2; ls /var/log/squid", "access.log.0"),
            Step("reconfigure", "inside", "squid -k reconfigure; sleep 3; squid -k check && echo fine", "fine"),
            Step("again", "beside", "mkdir /w; echo page >/w/p; cd /w; python3 -m http.server 8000 & sleep 2; "
                 "curl -sS -x http://127.0.0.1:3128 http://127.0.0.1:8000/p", "page"),
        ),
        ("/var/spool/squid", "/var/log/squid"),
    ),
    WorkedService(
        "mosquitto", "mosquitto,mosquitto-clients",
        "printf 'listener 1883 0.0.0.0\\nallow_anonymous true\\npersistence true\\nautosave_interval 1\\n"
        "persistence_location /var/lib/mosquitto/\\nlog_dest file /home/log/m.log\\nuser mosquitto\\n' "
        ">/etc/mosquitto/t.conf; mkdir -p /home/log; chown mosquitto /home/log",
        "exec mosquitto -c /etc/mosquitto/t.conf", _open(1883), _inside(1883),
        (
            Step("retained", "beside", "mosquitto_pub -h 127.0.0.1 -t a -m hello -r; "
                 "mosquitto_sub -h 127.0.0.1 -t a -C 1 -W 5", "hello"),
            Step("saved", "signal", "USR1"),
            Step("rotation", "inside", "sleep 2; ls /var/lib/mosquitto; mv /home/log/m.log /home/log/old", "mosquitto.db"),
            Step("reload", "signal", "HUP"),
            Step("again", "beside", "sleep 1; mosquitto_sub -h 127.0.0.1 -t a -C 1 -W 5", "hello"),
        ),
        ("/home", "/var/lib/mosquitto"),
    ),
    WorkedService(
        "slapd", "slapd,ldap-utils",
        "printf 'include /etc/ldap/schema/core.schema\\npidfile /run/slapd/p\\nmodulepath /usr/lib/ldap\\n"
        "moduleload back_mdb\\ndatabase mdb\\nsuffix \"dc=t\"\\nrootdn \"cn=admin,dc=t\"\\nrootpw secret\\n"
        "directory /var/lib/ldap/t\\n' >/etc/ldap/t.conf; mkdir -p /var/lib/ldap/t; chown -R openldap /var/lib/ldap",
        "mkdir -p /run/slapd; chown openldap /run/slapd; "
        "exec slapd -h 'ldap:/// ldapi:///' -u openldap -g openldap -f /etc/ldap/t.conf -d 0",
        _open(389), _inside(389),
        (
            Step("add", "beside", "printf 'dn: dc=t\\nobjectClass: dcObject\\nobjectClass: organization\\no: t\\ndc: t\\n' | "
                 "ldapadd -x -H ldap://127.0.0.1 -D cn=admin,dc=t -w secret", "adding new entry"),
            Step("search", "beside", "ldapsearch -x -H ldap://127.0.0.1 -b dc=t", "dcObject"),
            Step("modify", "beside", "printf 'dn: dc=t\\nchangetype: modify\\nadd: description\\ndescription: x\\n' | "
                 "ldapmodify -x -H ldap://127.0.0.1 -D cn=admin,dc=t -w secret", "modifying"),
            Step("backup", "inside", "slapcat -f /etc/ldap/t.conf", "description: x"),
        ),
        ("/var/lib/ldap",),
    ),
    WorkedService(
        "gunicorn", "gunicorn,curl",
        "mkdir -p /home/app /home/log; printf 'import os,shutil\\ndef app(env, start):\\n"
        "    open(\"/home/app/a\",\"w\").write(\"x\"); os.rename(\"/home/app/a\",\"/home/app/b\")\\n"
        "    start(\"200 OK\",[])\\n    return [str(os.getuid()).encode()]\\n' >/home/app/app.py; "
        "chown -R www-data /home/app /home/log",
        "cd /home/app; exec gunicorn -b 0.0.0.0:8000 --user www-data --group www-data -w 2 "
        "--access-logfile /home/log/a.log app:app",
        _open(8000), _inside(8000),
        (
            Step("request", "beside", "curl -sS http://127.0.0.1:8000/", "33"),
            Step("rotation", "inside", "mv /home/log/a.log /home/log/old"),
            Step("reopen", "signal", "USR1"),
            Step("reload", "signal", "HUP"),
            Step("again", "beside", "sleep 2; for i in 1 2 3; do curl -sS http://127.0.0.1:8000/; done", "333333"),
            Step("more workers", "signal", "TTIN"),
            Step("its log", "inside", "ls /home/log", "a.log"),
        ),
    ),
    WorkedService(
        "php", "php-fpm",
        "mkdir -p /home/www; printf '<?php file_put_contents(\"/home/www/a\",\"x\"); rename(\"/home/www/a\",\"/home/www/b\");"
        " echo \"uid \".posix_getuid().shell_exec(\"id -un\");' >/home/www/work.php; chown -R www-data /home/www; "
        "sed -i 's/^listen = .*/listen = 0.0.0.0:9000/' /etc/php/*/fpm/pool.d/www.conf; "
        "sed -i 's,^error_log.*,error_log = /home/fpm.log,' /etc/php/*/fpm/php-fpm.conf",
        "mkdir -p /run/php; exec $(ls /usr/sbin/php-fpm*) -F", _open(9000), _inside(9000),
        (
            Step("request", "beside", _FCGI, "uid 33www-data"),
            Step("rotation", "inside", "mv /home/fpm.log /home/old"),
            Step("reopen", "signal", "USR1"),
            Step("reload", "signal", "USR2"),
            Step("again", "beside", f"sleep 2; {_FCGI}", "uid 33www-data"),
            Step("its log", "inside", "ls /home", "fpm.log"),
        ),
    ),
    WorkedService(
        "mariadb", "mariadb-server",
        "mariadb-install-db --user=mysql >/dev/null; rm -rf /var/lib/mysql/*; printf '[mariadbd]\\nbind-address=0.0.0.0\\nslow_query_log=1\\nlog_bin=b\\n' "
        ">/etc/mysql/mariadb.conf.d/99.cnf",
        "test -d /var/lib/mysql/mysql || mariadb-install-db --user=mysql --rpm >/dev/null; mkdir -p /run/mysqld; "
        "chown mysql /run/mysqld; exec mariadbd --user=mysql",
        _open(3306), "mariadb-admin ping",
        (
            Step("tables", "inside", "mariadb -e 'create database d; create table d.t(a int primary key auto_increment, "
                 "b varchar(200)); insert into d.t(b) select repeat(\"x\",200) from d.seq_1_to_20000; select count(*) from d.t'",
                 "20000"),
            Step("alter, export", "inside", "mariadb -e 'alter table d.t add c int; optimize table d.t; "
                 "select b from d.t limit 5 into outfile \"/var/lib/mysql/o\"; truncate d.t; drop database d; show databases'"),
            Step("rotation", "inside", "mariadb -e 'flush logs; purge binary logs before now()' && echo fine", "fine"),
            Step("reload", "signal", "HUP"),
            Step("accounts", "inside", "mariadb -e 'create user a@localhost identified by \"p\"; grant all on *.* to "
                 "a@localhost'; mariadb -ua -pp -e 'select current_user()'", "a@localhost"),
            Step("dump", "inside", "mariadb-dump --all-databases | tail -1", "completed"),
        ),
        ("/var/lib/mysql",),
    ),
    WorkedService(
        "postgres", "postgresql",
        "rm -rf /var/lib/postgresql/*; mkdir /var/lib/postgresql/d; chown postgres /var/lib/postgresql/d",
        "D=/var/lib/postgresql/d; B=$(ls -d /usr/lib/postgresql/*/bin); mkdir -p /run/postgresql; chown postgres "
        "/run/postgresql $D; chmod 700 $D; test -e $D/PG_VERSION || su postgres -c \"$B/initdb -A trust $D\"; "
        "exec setpriv --reuid postgres --regid postgres --init-groups $B/postgres -D $D -c listen_addresses=* "
        "-c logging_collector=on",
        _open(5432), "pg_isready",
        (
            Step("tables", "beside", "psql -qAt -h 127.0.0.1 -U postgres -c 'create table t as select generate_series(1,200000)"
                 " a' -c 'create index on t(a)' -c 'vacuum full t' -c 'select count(*) from t'", "200000"),
            Step("rotation", "beside", "psql -qAt -h 127.0.0.1 -U postgres -c 'select pg_rotate_logfile()' -c 'checkpoint'"
                 " -c 'select pg_switch_wal()'", "t"),
            Step("reload", "signal", "HUP"),
            Step("program", "beside", "psql -qAt -h 127.0.0.1 -U postgres -c \"copy (select 1) to program "
                 "'cat >/var/lib/postgresql/d/o'\" -c 'create database e' -c 'drop database e' && echo fine", "fine"),
            Step("dump", "beside", "pg_dumpall -h 127.0.0.1 -U postgres | grep -c .", ""),
        ),
        ("/var/lib/postgresql",),
    ),
    WorkedService(
        "tomcat", "tomcat10,curl",
        "mkdir -p /home/up; chown tomcat /home/up; cd /var/lib/tomcat10/webapps; mkdir -p ROOT; chown -R tomcat .; "
        "printf '<%% java.nio.file.Path p = java.nio.file.Path.of(\"/home/up/a\"); java.nio.file.Files.write(p, "
        "request.getInputStream().readAllBytes()); java.nio.file.Files.move(p, p.resolveSibling(\"b\"), "
        "java.nio.file.StandardCopyOption.REPLACE_EXISTING); %%>size <%%= java.nio.file.Files.size("
        "p.resolveSibling(\"b\")) %%>' >ROOT/w.jsp",
        "cd /var/lib/tomcat10; exec setpriv --reuid tomcat --regid tomcat --init-groups env CATALINA_BASE=$PWD "
        "CATALINA_HOME=/usr/share/tomcat10 /usr/share/tomcat10/bin/catalina.sh run",
        _open(8080), _inside(8080),
        (
            Step("a page is compiled", "beside", "curl -sS http://127.0.0.1:8080/w.jsp", "size 0"),
            Step("upload", "beside", "head -c 30000000 /dev/zero | curl -sS --data-binary @- "
                 "http://127.0.0.1:8080/w.jsp", "size 30000000"),
            Step("many at once", "beside", "for i in $(seq 60); do curl -sS http://127.0.0.1:8080/w.jsp & done; wait",
                 "size 0"),
            Step("rotation", "inside", "cd /var/lib/tomcat10/logs; for f in *; do mv $f $f.1; done; ls", ".1"),
            Step("deployment", "inside", "cd /var/lib/tomcat10/webapps; cp -r ROOT new; chown -R tomcat new; "
                 "for i in $(seq 40); do curl -fsS http://127.0.0.1:8080/new/w.jsp && break; sleep 1; done", "size 0"),
            Step("threads", "signal", "QUIT"),
            Step("again", "beside", "sleep 1; curl -sS http://127.0.0.1:8080/w.jsp", "size 0"),
        ),
        ("/home", "/var/lib/tomcat10/webapps", "/var/log/tomcat10"),
    ),
    WorkedService(
        "rabbitmq", "rabbitmq-server,amqp-tools",
        "rm -rf /var/lib/rabbitmq/mnesia",
        "export RABBITMQ_NODENAME=rabbit@localhost; exec rabbitmq-server", _open(5672), _inside(5672),
        (
            Step("messages", "beside", "sleep 5; amqp-declare-queue -d -q work; for i in $(seq 50); do amqp-publish -p "
                 "-r work -b hello; done; amqp-get -q work", "hello"),
            Step("accounts", "inside", "export RABBITMQ_NODENAME=rabbit@localhost; rabbitmqctl add_user a secret && "
                 "rabbitmqctl set_permissions a '.*' '.*' '.*' && rabbitmqctl authenticate_user a secret", "Success"),
            Step("limits", "inside", "export RABBITMQ_NODENAME=rabbit@localhost; rabbitmqctl set_disk_free_limit 20MB && "
                 "rabbitmq-diagnostics check_running && echo fine", "fine"),
            Step("policy, export", "inside", "export RABBITMQ_NODENAME=rabbit@localhost; rabbitmqctl set_policy p work "
                 "'{\"max-length\":100}' && rabbitmqctl export_definitions /var/lib/rabbitmq/d && "
                 "grep -c max-length /var/lib/rabbitmq/d", "1"),
            Step("restart of the broker", "inside", "export RABBITMQ_NODENAME=rabbit@localhost; rabbitmqctl stop_app && "
                 "rabbitmqctl start_app && rabbitmqctl list_queues", "49"),
            Step("again", "beside", "sleep 2; amqp-consume -q work -c 49 cat", "hello"),
        ),
        ("/var/lib/rabbitmq", "/var/log/rabbitmq"),
    ),
    WorkedService(
        "node", "nodejs",
        "mkdir -p /home/app; cat >/home/app/s.js <<'E'\n"
        "const fs=require('fs'),h=require('http'),c=require('child_process');\n"
        "fs.writeFileSync('/home/app/log','x');\n"
        "process.on('SIGHUP',()=>{fs.renameSync('/home/app/log','/home/app/log.1');fs.chownSync('/home/app/log.1',33,33);"
        "fs.writeFileSync('/home/app/log','y')});\n"
        "h.createServer((q,r)=>{if(q.url=='/x')r.end(c.execSync('id -un; cat /home/app/log',{uid:33,gid:33}));"
        "else r.end('ok')}).listen(3000,'0.0.0.0');\nE\n",
        "exec node /home/app/s.js", _open(3000), _inside(3000),
        (
            Step("request", "beside", _NODE.format(""), "ok"),
            Step("child of another user", "beside", _NODE.format("x"), "www-data"),
            Step("rotation", "signal", "HUP"),
            Step("owner", "inside", "sleep 1; stat -c owner:%U /home/app/log.1", "owner:www-data"),
            Step("again", "beside", _NODE.format(""), "ok"),
        ),
    ),
    WorkedService(
        "bind", "bind9,bind9-dnsutils,bind9-utils",
        "printf 'options { directory \"/var/cache/bind\"; listen-on { any; }; recursion no; allow-transfer { any; }; };\\n"
        "zone \"t.test\" { type primary; file \"/var/lib/bind/t\"; allow-update { any; }; };\\n"
        "logging { channel f { file \"/home/log/q\" versions 3 size 4k; }; category queries { f; }; };\\n' >/etc/bind/named.conf; "
        "mkdir -p /home/log; chown bind /home/log; printf '$TTL 60\\n@ SOA t.test. a.t.test. 1 60 60 60 60\\n@ NS a\\n"
        "a A 192.0.2.7\\n' >/var/lib/bind/t; chown -R bind /var/lib/bind",
        "mkdir -p /run/named; chown bind /run/named; exec named -f -u bind",
        _open(53), _inside(53),
        (
            Step("query", "beside", "dig +short @127.0.0.1 a.t.test", "192.0.2.7"),
            Step("update", "beside", "printf 'server 127.0.0.1\\nupdate add b.t.test 60 A 192.0.2.8\\nsend\\n' | nsupdate; "
                 "dig +short @127.0.0.1 b.t.test", "192.0.2.8"),
            Step("transfer", "beside", "dig @127.0.0.1 t.test axfr", "192.0.2.8"),
            Step("rotation", "beside", "for i in $(seq 150); do dig +short @127.0.0.1 a.t.test; done", "192.0.2.7"),
            Step("its logs", "inside", "ls /home/log", "q.0"),
            Step("sync, dump, stats", "inside", "rndc sync -clean && rndc dumpdb -all && rndc stats && sleep 1 && "
                 "grep -c 192.0.2.8 /var/lib/bind/t && ls /var/cache/bind", "named.stats"),
            Step("reload", "signal", "HUP"),
            Step("again", "beside", "sleep 1; dig +tcp +short @127.0.0.1 b.t.test", "192.0.2.8"),
        ),
        ("/home", "/var/lib/bind"),
    ),
    WorkedService(
        "exim", "exim4-daemon-light,curl",
        f"{ANNA}; sed -i \"s/^dc_eximconfig_configtype=.*/dc_eximconfig_configtype='local'/; "
        "s/^dc_local_interfaces=.*/dc_local_interfaces='0.0.0.0'/; s/^dc_other_hostnames=.*/dc_other_hostnames='localhost'/; "
        "s/^dc_localdelivery=.*/dc_localdelivery='maildir_home'/\" /etc/exim4/update-exim4.conf.conf; update-exim4.conf",
        "exec exim4 -bdf -q30m", _banner(25, "220"), _inside(25),
        (
            Step("delivery", "beside", f"printf '{_MAIL}' >/m; curl -sS smtp://127.0.0.1 --mail-from b@t "
                 "--mail-rcpt anna@localhost -T /m"),
            Step("in the mailbox", "inside", "for i in $(seq 30); do ls /home/anna/Maildir/new/* && break; sleep 1; "
                 "done; stat -c owner:%U /home/anna/Maildir/new/*", "owner:anna"),
            Step("a local user sends", "inside", f"exec 2>&1; printf '{_MAIL}' | su anna -c '/usr/sbin/sendmail anna@localhost'; "
                 "for i in $(seq 90); do test $(ls /home/anna/Maildir/new | wc -l) = 2 && break; sleep 1; done; "
                 "tail -3 /var/log/exim4/mainlog; echo mails:$(ls /home/anna/Maildir/new | wc -l)", "mails:2"),
            Step("queue", "inside", "exim4 -bp; exim4 -qff; exim4 -bpc; echo fine", "fine"),
            Step("rotation", "inside", "mv /var/log/exim4/mainlog /var/log/exim4/mainlog.1"),
            Step("reload", "signal", "HUP"),
            Step("again", "beside", f"sleep 2; printf '{_MAIL}' >/m; curl -sS smtp://127.0.0.1 --mail-from b@t "
                 "--mail-rcpt anna@localhost -T /m"),
            Step("its log", "inside", "sleep 3; grep -c Completed /var/log/exim4/mainlog", "1"),
        ),
        ("/home", "/var/spool/exim4", "/var/log/exim4"),
    ),
    WorkedService(
        "supervisor", "supervisor,python3-minimal,curl",
        f"{ANNA}; mkdir -p /home/log; printf '[supervisord]\\nnodaemon=true\\nuser=root\\npidfile=/run/s.pid\\nlogfile=/home/log/s\\n"
        "[unix_http_server]\\nfile=/run/s.sock\\n[supervisorctl]\\nserverurl=unix:///run/s.sock\\n"
        "[rpcinterface:supervisor]\\nsupervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\\n"
        "[program:web]\\ncommand=python3 -m http.server 8000 -d /etc\\nuser=www-data\\nstderr_logfile=/home/log/web\\n"
        "stderr_logfile_maxbytes=1KB\\n[program:job]\\ncommand=sh -c \"while :; do date >/home/anna/now; sleep 1; done\"\\n"
        "user=anna\\n[include]\\nfiles=/home/more/*.conf\\n' >/etc/s.conf; mkdir -p /home/more",
        "exec supervisord -c /etc/s.conf", _open(8000), _inside(8000),
        (
            Step("page", "beside", "curl -sS http://127.0.0.1:8000/hosts", "localhost"),
            Step("job", "inside", "stat -c owner:%U /home/anna/now", "owner:anna"),
            Step("rotation", "beside", "for i in $(seq 30); do curl -sS http://127.0.0.1:8000/hosts >/dev/null; done"),
            Step("its logs", "inside", "ls /home/log", "web.1"),
            Step("restart", "inside", "supervisorctl -c /etc/s.conf restart web job; sleep 2; supervisorctl -c /etc/s.conf status",
                 "RUNNING"),
            Step("a program dies", "inside", "kill -9 $(supervisorctl -c /etc/s.conf pid web); sleep 3; "
                 "supervisorctl -c /etc/s.conf status web", "RUNNING"),
            Step("a new program", "inside", "printf '[program:new]\\ncommand=sleep 1000\\nuser=daemon\\n' >/home/more/n.conf; "
                 "supervisorctl -c /etc/s.conf update; sleep 2; supervisorctl -c /etc/s.conf status new", "RUNNING"),
            Step("reload", "signal", "HUP"),
            Step("again", "beside", "sleep 6; curl -sS http://127.0.0.1:8000/hosts", "localhost"),
        ),
    ),
    WorkedService(
        "samba", "samba,smbclient",
        f"{ANNA}; useradd -m ben; printf '[global]\\nmap to guest = never\\nlog file = /home/log/smb\\nmax log size = 5\\n"
        "[share]\\npath = /home/share\\nread only = no\\nvalid users = anna ben\\nforce create mode = 0660\\n[homes]\\nread only = no\\n' "
        ">/etc/samba/smb.conf; mkdir -p /home/share /home/log; chmod 1777 /home/share; "
        "for u in anna ben; do printf 'secret\\nsecret\\n' | smbpasswd -s -a $u; done",
        "exec smbd -F --no-process-group", _open(445), _inside(445),
        (
            Step("upload", "beside", "smbclient -U anna%secret //127.0.0.1/share -c 'put /etc/hosts f; mkdir d; rename f d/g; ls d/*'", " g "),
            Step("owner", "inside", "stat -c owner:%U /home/share/d/g", "owner:anna"),
            Step("another user", "beside", "smbclient -U ben%secret //127.0.0.1/ben -c 'put /etc/hosts mine; ls'", "mine"),
            Step("owner of it", "inside", "stat -c owner:%U /home/ben/mine", "owner:ben"),
            Step("accounts", "inside", "printf 'secret\\nsecret\\n' | smbpasswd -s anna; smbpasswd -x ben; pdbedit -L", "anna"),
            Step("status", "inside", "smbcontrol smbd reload-config && smbstatus -b && echo fine", "fine"),
            Step("reload", "signal", "HUP"),
            Step("again", "beside", "sleep 1; smbclient -U anna%secret //127.0.0.1/share -c 'get d/g /g; del d/g; rmdir d' && "
                 "cat /g", "localhost"),
        ),
        ("/home", "/var/lib/samba"),
    ),
    WorkedService(
        "freeradius", "freeradius,freeradius-utils",
        "printf 'anna Cleartext-Password := \"secret\"\\n' >>/etc/freeradius/3.0/users; sed -i '1i anna Cleartext-Password := \"secret\"' "
        "/etc/freeradius/3.0/mods-config/files/authorize; sed -i 's/^\\tauth = no/\\tauth = yes/' /etc/freeradius/3.0/radiusd.conf; "
        "ln -sf ../mods-available/detail /etc/freeradius/3.0/mods-enabled/",
        "mkdir -p /run/freeradius; chown freerad /run/freeradius; exec freeradius -f -l /var/log/freeradius/radius.log", "true",
        "grep -q Ready /var/log/freeradius/radius.log",
        (
            Step("login", "beside", "radtest anna secret 127.0.0.1 0 testing123", "Access-Accept"),
            Step("accounting", "beside", "printf 'User-Name=anna\\nAcct-Session-Id=1\\nAcct-Status-Type=Start\\nNAS-IP-Address=127.0.0.1\\n' | "
                 "radclient 127.0.0.1 acct testing123", "Accounting-Response"),
            Step("its records", "inside", "find /var/log/freeradius/radacct -type f", "detail-"),
            Step("rotation", "inside", "mv /var/log/freeradius/radius.log /var/log/freeradius/old"),
            Step("reload", "signal", "HUP"),
            Step("again", "beside", "sleep 2; radtest anna secret 127.0.0.1 0 testing123", "Access-Accept"),
            Step("its log", "inside", "cat /var/log/freeradius/radius.log", "Login OK"),
        ),
        ("/var/log/freeradius",),
    ),
    WorkedService(
        "rsyslog", "rsyslog,netcat-openbsd",
        f"{ANNA}; printf 'module(load=\"imtcp\")\\nmodule(load=\"imudp\")\\ninput(type=\"imtcp\" port=\"514\")\\n"
        "input(type=\"imudp\" port=\"514\")\\n$FileOwner anna\\n$FileGroup anna\\n$FileCreateMode 0640\\n$CreateDirs on\\n$DirOwner anna\\n"
        "template(name=\"h\" type=\"string\" string=\"/home/log/%%hostname%%/%%programname%%\")\\n*.* ?h\\n' >/etc/rsyslog.conf; mkdir -p /home/log",
        "exec rsyslogd -n -i /run/rsyslogd.pid", _open(514), _inside(514),
        (
            Step("tcp", "beside", "printf '<13>Nov 29 11:00:00 alpha app: one\\n' | nc -q1 127.0.0.1 514"),
            Step("udp", "beside", "printf '<13>Nov 29 11:00:00 beta job: two\\n' | nc -u -q1 -w1 127.0.0.1 514"),
            Step("its files", "inside", "sleep 1; cat /home/log/alpha/app /home/log/beta/job; stat -c owner:%U /home/log/alpha/app", "owner:anna"),
            Step("rotation", "inside", "mv /home/log/alpha/app /home/log/alpha/app.1"),
            Step("reload", "signal", "HUP"),
            Step("again", "beside", "sleep 1; printf '<13>Nov 29 11:00:00 alpha app: three\\n' | nc -q1 127.0.0.1 514"),
            Step("its new file", "inside", "sleep 1; cat /home/log/alpha/app", "three"),
        ),
        ("/home",),
    ),
    WorkedService(
        "mariadb-layer", "mariadb-server",
        "printf '[mariadbd]\\nbind-address=0.0.0.0\\n' >/etc/mysql/mariadb.conf.d/99.cnf; mariadb-install-db --user=mysql >/dev/null",
        "mkdir -p /run/mysqld; chown mysql /run/mysqld; exec mariadbd --user=mysql",
        _open(3306), "mariadb-admin ping",
        (
            Step("before", "inside", "mariadb -e 'select * from kept.before_it'", "precious"),
            Step("tables", "inside", "mariadb -e 'create table kept.t as select seq from kept.seq_1_to_20000; select count(*) from kept.t'",
                 "20000"),
            Step("dump", "inside", "mariadb-dump --all-databases | tail -1", "completed"),
        ),
        (),
        "mariadb -e 'create database kept; create table kept.before_it as select \"precious\"'",
    ),
)  # fmt: skip


def works(
    bench: Bench,
    *words: str,
    timeout: float = 150,
) -> tuple[bool, str]:
    try:
        return True, bench.podman(*words, timeout=timeout)
    except subprocess.CalledProcessError as error:
        return False, f"{error.stdout}{error.stderr}"
    except subprocess.TimeoutExpired:
        return False, "it did not end in time"


def carry_out(
    bench: Bench,
    image: str,
    step: Step,
) -> str:
    """Do a piece of work; returns what went wrong."""
    if step.where == "signal":
        well, said = works(
            bench,
            "kill",
            "-s",
            step.script,
            NAME,
        )
    elif step.where == "inside":
        well, said = works(
            bench,
            "exec",
            NAME,
            "sh",
            "-c",
            step.script,
        )
    else:
        well, said = works(
            bench, "run", "--rm", "--network", f"container:{NAME}", image, "sh", "-c", step.script
        )
    running = works(
        bench,
        "inspect",
        "-f",
        "{{.State.Running}}",
        NAME,
    )[1]
    if well and step.expects in said and running == "true":
        return ""
    return f"{step.name}: {said[-400:]}" + ("" if running == "true" else " (it is dead)")


def reference(service: WorkedService) -> str:
    return f"localhost/worked-{service.name}:1"


def build_worked(bench: Bench, service: WorkedService) -> str:
    """Make its image in the bench; returns the reference."""
    base = f"localhost/packages-{service.name}:1"
    bench.import_image(
        packages_tree(service.packages),
        base,
        (),
    )
    bench.remove("worked-setup")
    bench.podman(
        "run", "--name", "worked-setup", base, "sh", "-ec",
        f"{service.setup}\ncat >/entry <<'THE_END'\n{service.entry}\nTHE_END", timeout=120,
    )  # fmt: skip
    changes = ('CMD=["/bin/sh","/entry"]', "STOPSIGNAL=SIGTERM")
    words = [word for change in changes for word in ("--change", change)]
    bench.podman(
        "commit",
        "-q",
        *words,
        "worked-setup",
        reference(service),
        timeout=120,
    )
    bench.remove("worked-setup")
    return reference(service)


def cache() -> Path:
    """Where root file systems are kept, and what the tests measured."""
    place = Path(tempfile.gettempdir()) / f"hardentui-worked-{os.getuid()}"
    place.mkdir(mode=0o700, exist_ok=True)
    if place.stat().st_uid != os.getuid():
        cannot_run(f"{place} belongs to somebody else")
    return place


def packages_tree(packages: str, release: str = "trixie") -> Path:
    """A root file system with these packages of a Debian release; made once."""
    if not SOURCES.is_file() or os.getuid() != 0:
        cannot_run("these images are made by root on a Debian, with mmdebstrap")
    sources = SOURCES.read_text()
    given = str(SOURCES)
    if release != "trixie":
        sources = given = f"deb {re.findall('URIs: (http.*)', sources)[0]} {release} main"
    recipe = hashlib.sha256((packages + sources).encode()).hexdigest()[:12]
    tree = cache() / f"{packages.partition(',')[0]}-{recipe}.tar"
    if not tree.exists():
        made = cache() / f"{tree.name}.tmp.tar"
        words = [
            "mmdebstrap",
            "--quiet",
            "--mode=root",
            "--variant=minbase",
            f"--include={packages}",
        ]
        words += ['--essential-hook=mkdir -p "$1/usr/share/man/man1"']  # Java's packages need it
        words += [
            '--aptopt=Acquire::Check-Valid-Until "false"',
            "--dpkgopt=path-exclude=/usr/share/man/*",
        ]
        words += [
            "--dpkgopt=path-exclude=/usr/share/doc/*",
            "--dpkgopt=path-exclude=/usr/share/locale/*",
        ]
        done = subprocess.run(
            [*words, release, str(made), given],
            capture_output=True,
            text=True,
            timeout=1800,  # two minutes alone
            check=False,
        )
        if done.returncode:
            cannot_run(f"mmdebstrap failed: {done.stderr[-400:]}")
        made.rename(tree)
    return tree
