#!/usr/bin/env bash
# Builds the programs that the tests of this folder run, from their published Go modules, and the schema of Grafana's
# dashboards, from Grafana's published types (by npm), and prints where they are:
#
#	bash collector-config/e2e/build.sh
#
# They are kept in the user's cache folder. What is there is made again when its version, its manifest or Go's version
# has changed; otherwise nothing is done. The first run takes about ten minutes on two cores.
set -euo pipefail
shopt -s inherit_errexit

readonly collector=0.161.0
readonly prometheus=v0.315.0 # Prometheus 3.15
readonly jaeger=v1.76.0      # Jaeger 2
readonly alertmanager=v0.31.1

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
manifest=$here/../builder.yaml
programs=${XDG_CACHE_HOME:-$HOME/.cache}/otelhealth-ci/bin/stack
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
readonly here manifest programs scratch

# The programs need no C compiler, and no workspace or flags of whoever builds them.
export CGO_ENABLED=0 GOWORK=off GOFLAGS=-mod=mod
readonly -a go_build=(nice go build -ldflags='-s -w') # as the tests' own build, with which it shares what both compile

main() {
	mkdir -p "$programs"
	exec 9>"$programs/.lock"
	flock 9 # two runs at once would build everything twice

	build prometheus "$prometheus" build_prometheus
	build promtool "$prometheus" build_promtool
	build alertmanager "$alertmanager" build_alertmanager
	build amtool "$alertmanager" build_amtool
	build jaeger "$jaeger" build_jaeger
	build otelcol "$collector $(sha256sum <"$manifest")" build_collector
	build grafana.schema.json "$(cd "$here/grafana" && cat package-lock.json schema.ts tsconfig.json | sha256sum)" build_schema
	echo "$programs"
}

# build makes a file by a function that is given the path to write it to, unless it was made from the same.
build() {
	local name=$1 made_from
	made_from="$2 $(go env GOVERSION)"
	if [[ -e $programs/$name && $(cat "$programs/.$name.made-from" 2>/dev/null) == "$made_from" ]]; then
		return
	fi
	echo "building $name ${2%% *}" >&2
	"$3" "$programs/.$name.new"
	mv "$programs/.$name.new" "$programs/$name"
	echo "$made_from" >"$programs/.$name.made-from"
}

# in_module runs a command in a scratch module of its own, which is made at the first use.
in_module() {
	local folder=$scratch/$1
	shift
	if [[ ! -d $folder ]]; then
		mkdir "$folder"
		(cd "$folder" && go mod init e2e.invalid/programs 2>/dev/null)
	fi
	(cd "$folder" && "$@")
}

build_prometheus() { prometheus_command prometheus "$1"; }
build_promtool() { prometheus_command promtool "$1"; }

# prometheus_command leaves out service discovery, whose clouds' libraries are most of the program.
prometheus_command() {
	local package=github.com/prometheus/prometheus/cmd/$1
	in_module prometheus go get "$package@$prometheus"
	in_module prometheus "${go_build[@]}" -tags=remove_all_sd -o "$2" "$package"
}

build_alertmanager() { alertmanager_command alertmanager "$1"; }
build_amtool() { alertmanager_command amtool "$1"; }

alertmanager_command() {
	local package=github.com/prometheus/alertmanager/cmd/$1
	in_module alertmanager go get "$package@$alertmanager"
	in_module alertmanager "${go_build[@]}" -o "$2" "$package"
}

# build_jaeger replaces one library as Jaeger's own go.mod does, since replacements of a dependency do not count.
build_jaeger() {
	local package=github.com/jaegertracing/jaeger/cmd/jaeger
	in_module jaeger go mod edit -replace=github.com/Shopify/sarama=github.com/Shopify/sarama@v1.33.0
	in_module jaeger go get "$package@$jaeger"
	in_module jaeger "${go_build[@]}" -o "$1" "$package"
}

# build_collector runs the generator in the scratch folder, into which the manifest then writes its sources.
build_collector() {
	GOBIN=$scratch go install "go.opentelemetry.io/collector/cmd/builder@v$collector"
	(cd "$scratch" && nice ./builder --config "$manifest" --skip-compilation)
	(cd "$scratch/otelcol" && "${go_build[@]}" -o "$1" .)
}

# build_schema makes a JSON schema of what grafana/schema.ts exports.
build_schema() {
	cp -r "$here/grafana" "$scratch/grafana"
	npm ci --prefix "$scratch/grafana" --ignore-scripts --no-audit --no-fund >&2
	(cd "$scratch/grafana" && node_modules/.bin/ts-json-schema-generator --tsconfig tsconfig.json --path schema.ts \
		--type Grafana --no-type-check --jsDoc none --out "$1")
}

main
