# Things to mount, services of their own with sockets, and containers whose mounts others take.
# $directory, $socket: of the place
exec </dev/null >$directory/services/said 2>&1
cd $directory/services
mkdir -p anna/.ssh anna/.aws anna/.kube anna/.gnupg anna/site second agent bus moved links harmless stale shop
mkdir -p rootfs/bin rootfs/etc
for place in .ssh/id_ed25519 .aws/credentials .kube/config .gnupg/secring.gpg site/index.html; do
  echo x >anna/$place
done
cp "$(command -v busybox)" rootfs/bin/busybox
for program in httpd sh sleep; do ln -sf busybox rootfs/bin/$program; done
echo 'web:x:101:101::/:/bin/false' >rootfs/etc/passwd
ln -f $socket links/app
later() { setsid timeout 3600 "$@" >/dev/null & }
later podman system service --time=0 unix://$directory/services/second/app
later podman system service --time=0 unix://$directory/services/moved/before
later ssh-agent -D -a $directory/services/agent/a
later dbus-daemon --session --nofork --address=unix:path=$directory/services/bus/b
for path in harmless/docker.sock harmless/app; do
  later python3 -c 'import socket, sys, time
listening = socket.socket(socket.AF_UNIX)
listening.bind(sys.argv[1])
listening.listen()
time.sleep(3600)' $directory/services/$path
done
python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("stale/s.sock")'
ready() {
  for path in second/app moved/before agent/a bus/b harmless/docker.sock harmless/app; do
    [ -S $path ] || return 1
  done
}
for _ in $(seq 200); do ready && break; sleep 0.1; done
ready
mv moved/before moved/after
ln -f agent/a links/agent
ln -f bus/b shop/b
podman volume create -o type=none -o o=bind -o device=$directory/services/second truth-second
podman volume create -o type=none -o o=bind -o device=$directory/services/bus truth-bus
podman volume create -o type=none -o o=bind -o device=$directory/services/anna/.ssh truth-keys
podman volume create -o type=none -o o=bind -o device=$directory/services/anna/site truth-site
giver() {
  podman create --network=none --label=app=truth --name truth-giver-$1 -v $2 localhost/truth-web:1.0 sh
}
giver etc /etc:/seen:ro
giver etc-rw /etc:/seen:nosuid,nodev,noexec
giver keys $directory/services/anna/.ssh:/seen:ro
giver engine $socket:/app
giver bus $directory/services/bus:/seen:ro
giver site $directory/services/anna/site:/seen:ro
giver loose $directory/data:/seen

# Another user than root may mount nothing and link no file of root; a file of another file system is mounted.
mkdir -p alias/sub late/sub relay linked/conf unlinked
echo x >unlinked/page
notes=linked/conf/notes
ln -f /etc/shadow $notes || { : >$notes && mount --bind /etc/shadow $notes; } || true
mount --bind /etc alias/sub 2>/dev/null || true
later python3 -c 'import socket, sys, time
listening = socket.socket(socket.AF_UNIX)
listening.bind(sys.argv[1])
listening.listen()
time.sleep(3600)' $directory/services/relay/app unix:$socket
for _ in $(seq 200); do [ -S relay/app ] && break; sleep 0.1; done
