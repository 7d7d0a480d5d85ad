"""The cloud provider of this virtual machine, according to its firmware (DMI)."""

from __future__ import annotations

from hardentui.host.files.reader import Files, text

METADATA_ADDRESS = "169.254.169.254"

_DIRECTORY = "/sys/class/dmi/id"
_FILES = ("sys_vendor", "product_name", "board_vendor", "bios_vendor", "chassis_asset_tag")
_CLOUDS = (  # as cloud-init's ds-identify recognises them
    ("amazon ec2", "Amazon EC2"),
    ("google compute engine", "Google Compute Engine"),
    ("7783-7084-3265-9085-8269-3286-77", "Microsoft Azure"),  # Azure's chassis asset tag; Hyper-V has none
    ("openstack", "OpenStack"),
    ("digitalocean", "DigitalOcean"),
    ("hetzner", "Hetzner Cloud"),
    ("oraclecloud", "Oracle Cloud"),
    ("alibaba cloud", "Alibaba Cloud"),
    ("scaleway", "Scaleway"),
    ("vultr", "Vultr"),
    ("linode", "Akamai"),
    ("akamai", "Akamai"),
    ("upcloud", "UpCloud"),
    ("exoscale", "Exoscale"),
    ("ibmcloud", "IBM Cloud"),  # the chassis asset tag is `ibmcloud`
)


def read_cloud(files: Files) -> str:
    """The cloud that this machine runs in; empty if its firmware names no known one."""
    seen = []
    for name in _FILES:
        content = text(files, f"{_DIRECTORY}/{name}")
        if isinstance(content, str):
            seen.append(content.strip().lower())
    return next((cloud for mark, cloud in _CLOUDS if any(mark in line for line in seen)), "")
