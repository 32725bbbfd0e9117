#!/bin/sh
# Copies what the portal serves from npm packages into asset/dist: `make assets`.
# dist is not committed; without it pages use system fonts and plain HTML. What
# only tests need (axe-core) stays in node_modules.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../../.." && pwd)
cd "$root"
npm ci --include=dev --ignore-scripts --no-audit --no-fund
m=$root/node_modules
dist=$here/dist
rm -rf "$dist.new"
mkdir -p "$dist.new/font"
cp "$m/htmx.org/dist/htmx.min.js" "$dist.new/htmx.js"
cp "$m/echarts/dist/echarts.common.min.js" "$dist.new/echarts.js"
sed 's|/\*# sourceMappingURL=.*\*/||' "$m/@tabler/core/dist/css/tabler.min.css" >"$dist.new/tabler.css"
for w in 400 500 600; do
	for s in latin latin-ext vietnamese; do
		cp "$m/@fontsource/be-vietnam-pro/files/be-vietnam-pro-$s-$w-normal.woff2" "$dist.new/font/bvp-$s-$w.woff2"
	done
	cp "$m/@fontsource/inter/files/inter-latin-$w-normal.woff2" "$dist.new/font/num-$w.woff2"
done
for s in latin vietnamese; do
	cp "$m/@fontsource-variable/jetbrains-mono/files/jetbrains-mono-$s-wght-normal.woff2" "$dist.new/font/mono-$s.woff2"
done
cp "$here/fonts.css" "$dist.new/fonts.css"
# One sprite of the icons the pages name; each keeps its path data only.
{
	printf '<svg xmlns="http://www.w3.org/2000/svg">\n'
	while read -r name; do
		[ -n "$name" ] || continue
		printf '<symbol id="%s" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round">' "$name"
		sed -n '/<path\|<circle\|<rect\|<line/p' "$m/@tabler/icons/icons/outline/$name.svg" | tr -d '\n'
		printf '</symbol>\n'
	done <"$here/icons.txt"
	printf '</svg>\n'
} >"$dist.new/icons.svg"
for p in htmx.org echarts @tabler/core @tabler/icons @fontsource/be-vietnam-pro @fontsource/inter @fontsource-variable/jetbrains-mono; do
	for f in LICENSE LICENSE.txt LICENSE.md; do
		if [ -f "$m/$p/$f" ]; then
			printf '== %s ==\n' "$p"
			cat "$m/$p/$f"
			printf '\n'
			break
		fi
	done
done >"$dist.new/LICENSES.txt"
rm -rf "$dist"
mv "$dist.new" "$dist"
du -sh "$dist"
