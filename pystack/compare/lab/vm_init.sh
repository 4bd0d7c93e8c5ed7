#!/usr/bin/busybox sh
# Process 1 of a test VM: mounts, modules, then an agent that runs what the host sends over virtio-serial.
#
# A request is a line "COMMAND_LENGTH INPUT_LENGTH", the command for sh, and its input. The reply is a line
# "EXIT_CODE OUTPUT_LENGTH ERROR_LENGTH", the output, and the errors. When the host hangs up, the VM goes off.

export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/ TERM=dumb LC_ALL=C.UTF-8
/usr/bin/busybox mkdir -p /proc /sys /dev /run /tmp /var /etc
/usr/bin/busybox mount -t proc proc /proc
/usr/bin/busybox mount -t sysfs sysfs /sys
/usr/bin/busybox mount -t devtmpfs devtmpfs /dev
/usr/bin/busybox mkdir -p /run/netns /run/lock /run/pystack
/usr/bin/busybox ln -s /run /var/run
/usr/bin/busybox --install -s 2>/dev/null

# Where a program is in bin and busybox's of the same name in sbin, that would be found first.
for program in /usr/bin/*; do
    name=${program##*/}
    [ ! -L "$program" ] && [ -L "/usr/sbin/$name" ] && [ "$(readlink "/usr/sbin/$name")" = /usr/bin/busybox ] &&
        rm "/usr/sbin/$name"
done

while read -r module; do
    insmod "/lib/modules/$module.ko"
done </etc/modules-at-boot

# The kernel unpacks an archive that is too big for the memory silently and only in part: this is its last file.
[ -e /.complete ] || { echo 'vm: the initramfs does not fit into the memory'; poweroff -f; }

# Debian's busybox runs its own ip and ping before any in PATH, so commands get another shell where there is one.
shell=/usr/bin/dash
[ -x $shell ] || shell=/usr/bin/sh

serve() {
    echo READY
    while read -r command input; do
        head -c $((command + input)) >/run/pystack/request
        head -c "$command" /run/pystack/request >/run/pystack/command
        tail -c "$input" /run/pystack/request >/run/pystack/input
        $shell /run/pystack/command </run/pystack/input >/run/pystack/out 2>/run/pystack/err
        echo $? $(stat -c %s /run/pystack/out /run/pystack/err)
        cat /run/pystack/out /run/pystack/err
    done
}

port=
while [ -z "$port" ]; do
    port=$(ls /dev/vport*p1 2>/dev/null)  # others are for programs
    [ -n "$port" ] || sleep 0.01
done
serve <>"$port" >&0
poweroff -f
