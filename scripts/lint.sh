#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Everything that can be said about the tree without running it. No output but complaints.
set -u
cd "$(dirname "$0")/.." || exit 1

failed=0
shopt -s lastpipe # complain runs in this shell, not in one of its own that forgets `failed`
# complain CHECK: shows what comes on stdin under the name of the check, if there is anything.
complain() {
    local text
    text=$(cat)
    [ -n "$text" ] || return
    printf '%s:\n%s\n' "$1" "$text" >&2
    failed=1
}

mapfile -t files < <(git ls-files --cached --others --exclude-standard | sort -u |
    while read -r f; do [ -f "$f" ] && echo "$f"; done)
# matching REGEX: those of the files whose name matches, one a line.
matching() { printf '%s\n' "${files[@]}" | grep -E "$1"; }

mapfile -t c_files < <(matching '\.[ch]$')
mapfile -t sources < <(matching '^(lib|drivers|app)/.*\.c$')
mapfile -t test_sources < <(matching '^tests/.*\.c$')
mapfile -t shells < <(matching '\.(sh|bash)$|^\.ci/run$|^scripts/kcpgate-setup$')
mapfile -t ours < <(matching \
    '\.([ch]|sh|py|js|css|build)$|^meson_options\.txt$|^\.ci/run$|^scripts/kcpgate-setup$')
mapfile -t texts < <(matching '\.([ch]|sh|py|js|css|html|build|md|json|txt)$|^\.ci/run$|^LICENSE$|^scripts/kcpgate-setup$' |
    grep -v '^tests/vectors/\|^tests/fuzz/corpus/')

# Other versions of it disagree about details.
if clang-format --version | grep -q 'version 14\.'; then
    for f in "${c_files[@]}"; do
        clang-format --dry-run -Werror "$f" 2>/dev/null || echo "$f"
    done | complain "clang-format -i is wanted by"
else
    echo "formatting not checked: $(clang-format --version) is not version 14"
fi
for f in "${ours[@]}"; do
    head -n 2 "$f" | grep -q 'SPDX-License-Identifier: BSD-3-Clause' || echo "$f"
done | complain "SPDX line missing"
grep -nE '[[:blank:]]+$' "${texts[@]}" | complain "trailing white space"
for f in "${texts[@]}"; do
    [ ! -s "$f" ] || [ -z "$(tail -c 1 "$f")" ] || echo "$f"
done | complain "no newline at end of file"
matching '\.h$' | xargs -r grep -L '^#pragma once' | complain "#pragma once missing"
for f in "${sources[@]}" "${test_sources[@]}"; do
    sed -n 2p "$f" | grep -q '^/\*' || echo "$f:2"
done | complain "head comment missing: what the file is for, behind the SPDX line"
for f in $(matching '^docs/decisions/[0-9]'); do
    grep -qF "](${f##*/})" docs/decisions/README.md || echo "$f"
done | complain "docs/decisions/README.md does not list"
sed -n 's/^| \[\([0-9]*\)\].*/\1/p' docs/decisions/README.md | sort -nc 2>&1 | complain "docs/decisions/README.md has an order"
python3 scripts/check_layers.py 2>&1 | complain "include layers"
python3 scripts/check_circles.py 2>&1 | complain "files that call each other in a circle"
python3 scripts/check_citations.py "${files[@]}" 2>&1 | complain "citations that lead nowhere"
python3 - "${files[@]}" <<'PY' 2>&1 | complain python
import ast, sys
for name in sys.argv[1:]:
    if name.endswith(".py"):
        try:
            ast.parse(open(name, encoding="utf-8").read(), name)
        except SyntaxError as error:
            print(error)
PY
if command -v node >/dev/null; then
    for f in $(matching '\.js$'); do
        node --check "$f" 2>&1
    done | complain "node --check"
fi
if [ "${#sources[@]}" -gt 0 ]; then
    # queue.h: without it every TAILQ_FOREACH is a variable never set. __cppcheck__: see base/base.h;
    # with --force that is not all that is defined.
    cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr \
        -D__cppcheck__ --force \
        --include="/usr/include/$(cc -print-multiarch)/sys/queue.h" \
        --suppress=missingInclude --suppress=missingIncludeSystem --error-exitcode=1 \
        -j "$(nproc)" -Ilib -Idrivers -Iapp/kcpgate "${sources[@]}" 2>&1 | complain cppcheck
fi
if command -v shellcheck >/dev/null; then
    shellcheck -x "${shells[@]}" 2>&1 | complain shellcheck
fi
exit "$failed"
