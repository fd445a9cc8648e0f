#!/bin/sh
# Sets up the NFS server for logs of Airflow on Debian or Ubuntu; root runs it, and may do so again.
#   ./setup-nfs.sh          exports the logs alone
#   ./setup-nfs.sh --all    exports the whole directory, for more than one mount
set -eu

root=/mnt/nfs_share/mlops
clients=192.168.18.0/24
logs=$root/airflow/logs
shared=$logs
case "${1:-}" in
  --all) shared=$root ;;
  '') ;;
  *)
    sed -n '2,/^set/p' "$0" | sed '$d' >&2
    exit 2
    ;;
esac

apt-get update
apt-get install -y nfs-kernel-server
mkdir -p "$logs"
# The user of Airflow's image.
chown -R 50000:root "$logs"
chmod -R 775 "$logs"

line="$shared $clients(rw,sync,no_subtree_check,root_squash)"
grep -qxF "$line" /etc/exports || printf '%s\n' "$line" >>/etc/exports
exportfs -rav
systemctl restart nfs-kernel-server
