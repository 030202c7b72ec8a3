#!/usr/bin/env bash
# Writes schema.json, by which the tests judge the dashboards, from the types that Grafana publishes. It needs npm, and
# is run by hand when Grafana's version changes:
#
#	bash collector-config/e2e/grafana/generate.sh
set -euo pipefail

readonly grafana=13.2.3 generator=2.4.0

cd "$(dirname "${BASH_SOURCE[0]}")"
here=$PWD
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
npm install --ignore-scripts --no-audit --no-fund "@grafana/schema@$grafana" "ts-json-schema-generator@$generator"
cp "$here/schema.ts" .
cat >tsconfig.json <<-'END'
	{
	  "compilerOptions": {
	    "strict": true,
	    "skipLibCheck": true,
	    "moduleResolution": "node",
	    "paths": { "@grafana/schema": ["./node_modules/@grafana/schema/dist/types/index"] }
	  },
	  "files": ["schema.ts"]
	}
END
node_modules/.bin/ts-json-schema-generator --tsconfig tsconfig.json --path schema.ts --type Grafana \
	--no-type-check --jsDoc none --out "$here/schema.json"
