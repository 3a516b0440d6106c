# Sourced by tools/demo, tools/test and tools/check: finds a Python, makes a virtual environment, installs the package.
# Messages go to standard error; a command's own output is shown only if it failed.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf '%s\n' "$*" >&2; }

# step WORDS COMMAND...: run a command behind one line that shows that it is still at work.
step() {
    local words=$1 log pid
    shift
    log=$(mktemp)
    printf '%s ' "$words" >&2
    "$@" >"$log" 2>&1 &
    pid=$!
    while kill -0 "$pid" 2>/dev/null; do
        printf '.' >&2
        sleep 1
    done
    if wait "$pid"; then
        printf ' done\n' >&2
        rm -f "$log"
    else
        printf ' failed\n' >&2
        cat "$log" >&2
        rm -f "$log"
        return 1
    fi
}

# can_install: true if this user may install Debian packages.
can_install() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }

# apt_install PACKAGE...: install Debian packages, quietly.
apt_install() {
    export DEBIAN_FRONTEND=noninteractive
    apt-get install -y -q --no-install-recommends "$@" || { apt-get update -q && apt-get install -y -q --no-install-recommends "$@"; }
}

# find_python VERSION: print an interpreter of that version ("3.12"), or fail.
find_python() {
    local candidate
    for candidate in "python$1" "${PYENV_ROOT:-$HOME/.pyenv}/versions/$1".*/bin/python3; do
        if [ "$("$candidate" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)" = "$1" ]; then
            echo "$candidate"
            return
        fi
    done
    return 1
}

# any_python: print the first interpreter that is new enough.
any_python() {
    local version
    if [ -n "${PYTHON:-}" ]; then
        echo "$PYTHON"
        return
    fi
    if python3 -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' 2>/dev/null; then
        echo python3
        return
    fi
    for version in 3.11 3.12 3.13 3.14; do
        find_python "$version" && return
    done
    say "ccms_ws needs Python 3.11 or newer, and there is none here."
    say "On Debian 12: apt-get install python3 python3-venv. Another interpreter can be named: PYTHON=/path/to/python $0"
    return 1
}

# make_venv PYTHON FOLDER: an empty virtual environment.
make_venv() {
    rm -rf "$2"
    "$1" -m venv "$2" 2>/dev/null && [ -x "$2/bin/pip" ] && return
    rm -rf "$2"
    # Debian keeps the module that venv needs in a package of its own.
    if can_install; then
        apt_install python3-venv && "$1" -m venv "$2" && return
    fi
    echo "This Python cannot make virtual environments. As root: apt-get install python3-venv"
    return 1
}

# is_venv FOLDER PYTHON: true if FOLDER is a working environment of that Python which was made in this place.
is_venv() {
    local print='import sys; print(sys.version)'
    [ "$("$1/bin/python" -c "$print" 2>/dev/null)" = "$("$2" -c "$print")" ] && head -n 3 "$1/bin/pip" 2>/dev/null | grep -qF "$1/bin/"
}

# install_all PYTHON EXTRA: the tested versions of what builds the package and of what it needs, each file by its hash; then
# the package itself, editable. Builds use the installed build tools, so that nothing else is fetched.
install_all() {
    local pip=("$1" -m pip install --quiet --disable-pip-version-check)
    local requirements=(--requirement "$top/tools/constraints.txt")
    [ "$2" = test ] && requirements+=(--requirement "$top/tools/constraints-test.txt")
    "${pip[@]}" --require-hashes --requirement "$top/tools/constraints-build.txt" &&
        "${pip[@]}" --require-hashes --no-build-isolation "${requirements[@]}" &&
        "${pip[@]}" --no-deps --no-build-isolation --editable "$top"
}

# environment FOLDER PYTHON [EXTRA]: make FOLDER an environment with the package (editable), its tested dependencies and,
# if EXTRA is "test", those of its tests. A stamp makes the second call quick; it goes stale when what is to be installed
# changes.
environment() {
    local folder=$1 python=$2 extra=${3:-} stamp
    "$python" -c '' || { say "$python does not run."; return 1; }
    stamp=$folder/.ready-$(cat "$top/setup.cfg" "$top/pyproject.toml" "$top"/tools/constraints*.txt | cksum | cut -d' ' -f1)
    if is_venv "$folder" "$python"; then
        if [ -e "$stamp-test" ] || [ -e "$stamp-$extra" ]; then
            return
        fi
    else
        step "Making a virtual environment in ${folder#"$top"/}" make_venv "$python" "$folder" || return 1
    fi
    step "Installing ccms_ws and what it needs (about a minute)" install_all "$folder/bin/python" "$extra" || return 1
    touch "$stamp-$extra"
}
