# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# Completion of kcpgate-ctl in bash. What there is stands in --help, names of tunnels are the box's.
_kcpgate_ctl() {
    local current=$2 previous=$3 words
    case $previous in
    hop) words=$(kcpgate-ctl tunnels 2>/dev/null | sed 1d | cut -d ' ' -f 1) ;;
    trace) words=$(kcpgate-ctl channels 2>/dev/null | sed 1d | cut -d ' ' -f 1) ;;
    log) words="emergency alert critical error warning notice info debug" ;;
    --box) words=$(cd /run/kcpgate 2>/dev/null && printf '%s\n' ctl-* | sed 's/^ctl-//') ;;
    *) words=$(kcpgate-ctl --help | sed -n 's/^  \([a-z-]*\).*/\1/p') ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}
complete -F _kcpgate_ctl kcpgate-ctl
