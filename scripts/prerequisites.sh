# Sourced by scripts/demo and scripts/test: what the machine must have, the two
# virtual environments, and how long things take. Sets $python, $root.

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
local_dir="$root/.local"

# Prints a step's name, runs it, prints the seconds it took.
step() {
  local name="$1" started=$SECONDS
  shift
  printf '\n== %s\n' "$name"
  current_step="$name"
  "$@"
  printf '   %s: %d s\n' "$name" $((SECONDS - started))
}

need() {
  printf 'Missing: %s\n' "$1" >&2
  missing=1
}

find_python() {
  local candidate
  for candidate in python3.11 python3.12 python3.13 python3; do
    if command -v "$candidate" >/dev/null &&
      "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$candidate"
      return
    fi
  done
}

# Says everything that is missing at once, each with the way out.
check_prerequisites() {
  missing=""
  if [ "$(uname -s)" != Linux ]; then
    need "Linux. The emulator runs the functions natively, and they are Linux programs; use a Linux machine or a virtual one."
  fi
  python="$(find_python)"
  if [ -z "$python" ]; then
    need "Python 3.11 or newer. Install it from your distribution (apt install python3.11 python3.11-venv) or from https://www.python.org/downloads/."
  elif ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    need "Python's venv module. Install it (apt install python3-venv)."
  fi
  if ! command -v cargo >/dev/null || ! command -v rustc >/dev/null; then
    need "Rust 1.95 or newer. Install it from https://rustup.rs, then open a new shell."
  else
    local version
    version="$(rustc --version | sed -E 's/^rustc ([0-9]+)\.([0-9]+).*/\1 \2/')"
    if [ "${version% *}" -lt 1 ] || { [ "${version% *}" -eq 1 ] && [ "${version#* }" -lt 95 ]; }; then
      need "Rust 1.95 or newer; this is $(rustc --version). Update it (rustup update stable)."
    fi
  fi
  if ! command -v cc >/dev/null; then
    need "a C compiler called cc. Install one (apt install gcc)."
  fi
  [ -z "$missing" ] || exit 1
}

# Makes .venv/$1 from scripts/requirements/$1.txt, unless it is there already.
virtual_environment() {
  local directory="$root/.venv/$1" requirements="$root/scripts/requirements/$1.txt" want
  want="$("$python" --version) $(cksum <"$requirements")"
  if [ "$(cat "$directory/.made-from" 2>/dev/null)" = "$want" ]; then
    return
  fi
  echo "   making .venv/$1 (half a minute)"
  rm -rf "$directory"
  "$python" -m venv "$directory"
  "$directory/bin/pip" install --quiet --disable-pip-version-check --no-deps -r "$requirements"
  echo "$want" >"$directory/.made-from"
}

virtual_environments() {
  virtual_environment emulator
  virtual_environment sam
}

# Runs a module of scripts/local_aws in the emulator's environment.
local_aws() {
  PYTHONUNBUFFERED=1 PYTHONPATH="$root/scripts" "$root/.venv/emulator/bin/python" -m "local_aws.$1" "${@:2}"
}
