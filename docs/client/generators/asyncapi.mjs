// Check an AsyncAPI document by the rules of AsyncAPI's own parser: node asyncapi.mjs FILE
import { readFileSync } from "node:fs";

import { Parser } from "@asyncapi/parser";

const SEVERITIES = ["error", "warning", "information", "hint"];
const { document, diagnostics } = await new Parser().parse(readFileSync(process.argv[2], "utf8"));
for (const { severity, code, path, message } of diagnostics) {
  console.log(`${SEVERITIES[severity]}: ${code} at ${path.join(".")}: ${message}`);
}
const wrong = diagnostics.filter(({ severity }) => severity < 2);
if (!document || wrong.length > 0) process.exit(1);
console.log(`${document.info().title()} ${document.info().version()} is valid`);
