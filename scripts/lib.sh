# Shell functions that the scripts here share; sourced, never run.
# The sourcing script has set -euo pipefail.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
SCRIPT=$(basename "$0")

# Progress and complaints go to stderr, so that a script's output stays its own.
say() { printf '%s: %s\n' "$SCRIPT" "$*" >&2; }

# 4: the machine or the rights lack something, as with pystack itself.
die() {
    say "$*"
    exit 4
}

as_root() {
    if [[ $EUID -eq 0 ]]; then
        "$@"
    else
        sudo "$@"
    fi
}

can_be_root() { [[ $EUID -eq 0 ]] || command -v sudo >/dev/null; }

# Where peers are that scripts/bench imports.
bench_cache() { printf '%s\n' "${XDG_CACHE_HOME:-$HOME/.cache}/pystack/bench"; }

# Where the kernel for the test VMs is unpacked: `kernel` in there points at the newest one.
vm_cache() { printf '%s\n' "${XDG_CACHE_HOME:-$HOME/.cache}/pystack/vm"; }
