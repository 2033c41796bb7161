#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A plugin is built against an installed Sluice only: the example, and what `sluice new stage` writes.
#   out_of_tree.sh BUILD_DIR SOURCE_DIR
set -euo pipefail
build=$(realpath "$1") source=$(realpath "$2")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export HOME=$work/home XDG_CACHE_HOME=$work/cache
unset SLUICE_PLUGIN_PATH
mkdir -p "$HOME"
prefix=$work/prefix

quiet() { "$@" >"$work/log" 2>&1 || { echo "failed: $*" >&2; cat "$work/log" >&2; exit 1; }; }

# expect WHAT PATTERN FILE: the file has a line like that.
expect() {
  grep -qE -- "$2" "$3" || { echo "expected $1 ($2), found:" >&2; cat "$3" >&2; exit 1; }
}

quiet cmake --install "$build" --prefix "$prefix"
libdir=$(dirname "$(find "$prefix" -name sluice.pc)")/..
plugins=$(PKG_CONFIG_PATH=$libdir/pkgconfig pkg-config --define-variable=prefix="$prefix" --variable=pluginsdir sluice)
[ -f "$plugins/set.so" ] || { echo "expected the plugins in pluginsdir of sluice.pc, found none in $plugins" >&2; exit 1; }
flags=$(PKG_CONFIG_PATH=$libdir/pkgconfig pkg-config --define-variable=prefix="$prefix" --cflags sluice)
printf '#include <sluice/plugin.h>\nint main(void) { return SL_ABI_MAJOR; }\n' >"$work/flags.c"
# shellcheck disable=SC2086
quiet cc $flags -o "$work/flags" "$work/flags.c"

# The tree of Sluice must not be needed: what is built sees a copy of the example alone.
try() { # FOLDER NAME INPUT PATTERN
  local dir=$1 name=$2 input=$3 pattern=$4
  quiet cmake -S "$dir" -B "$dir/build" -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_C_FLAGS=-Werror
  if grep -rIF --exclude-dir=Testing -- "$source" "$dir/build"; then
    echo "$name is built with the source tree of Sluice" >&2
    exit 1
  fi
  quiet cmake --build "$dir/build"
  quiet ctest --test-dir "$dir/build" --output-on-failure --no-tests=error
  SLUICE_PLUGIN_PATH=$dir/build "$prefix/bin/sluice" inspect "$name" >"$work/inspect"
  expect "$name in inspect" "$name" "$work/inspect"
  if [ -n "$input" ]; then
    (cd "$dir" && INPUT=$input NEWS_INPUT=$input SLUICE_PLUGIN_PATH=$dir/build "$prefix/bin/sluice" run example.yaml >"$work/out" 2>"$work/err") ||
      { cat "$work/out" "$work/err" >&2; exit 1; }
    [ -f "$dir/out.ndjson" ] && cat "$dir/out.ndjson" >>"$work/out"
    expect "the output of $name" "$pattern" "$work/out"
  fi
  # Without a prefix of its own it goes beside the installed plugins, and is found there.
  quiet cmake --install "$dir/build"
  [ -f "$plugins/$name.so" ] || { echo "expected $plugins/$name.so after the installation, found none" >&2; exit 1; }
  "$prefix/bin/sluice" inspect "$name" >"$work/inspect"
  expect "$name in inspect" "$name" "$work/inspect"
  # Now there are two of that name: the one on the path wins, and says so.
  (cd "$dir" && SLUICE_PLUGIN_PATH=$dir/build "$prefix/bin/sluice" validate example.yaml >"$work/out" 2>&1) || true
  expect "a word on the shadowed file" "$dir/build/$name\.so is used, and hides another plugin of that name: .*/sluice/$name\.so" "$work/out"
  if command -v dpkg-deb >/dev/null; then
    quiet env -C "$dir/build" cpack -G DEB
    dpkg-deb -c "$dir"/build/*.deb >"$work/deb"
    expect "the plugin in the package" "/usr/lib.*/sluice/$name\.so" "$work/deb"
  fi
  echo "$name: built, tested, run, installed, packaged"
}

cp -r "$source/examples/out-of-tree-plugin" "$work/keywords"
printf 'Hà Nội mưa to. Sáng nay Hà Nội vẫn mưa, người Hà Nội quen rồi.\n' >"$work/article.txt"
try "$work/keywords" keywords "$work/article.txt" '"keywords":\[\{"text":"Hà Nội","count":3\}'

cd "$work"
for kind in transform source sink; do
  quiet "$prefix/bin/sluice" new stage "my_$kind" --kind "$kind"
  case $kind in
  transform) try "$work/my_$kind" "my_$kind" "$work/article.txt" '"my_transform":1[0-9]' ;;
  source) try "$work/my_$kind" "my_$kind" none '"id":2' ;;
  sink) try "$work/my_$kind" "my_$kind" "$work/article.txt" '"text":' ;;
  esac
done
