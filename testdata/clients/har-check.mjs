// Lets other tools read HAR files: har-check.mjs FILE... prints for each file a
// line of JSON with what they found.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const { har: validate } = require("har-validator");
const { HarValidator } = require("@har-sdk/validator");
const { liHARToK6Script } = require("har-to-k6");

const problems = error => (error.errors ?? [error]).map(e => `${e.dataPath ?? ""} ${e.message}`);

for (const file of process.argv.slice(2)) {
  const har = JSON.parse(readFileSync(file, "utf8"));
  const found = { harValidator: [], harSDK: [], k6: "" };
  await validate(har).catch(error => { found.harValidator = problems(error); });
  found.harSDK = (await new HarValidator().verify(har)).map(e => `${e.instancePath ?? e.dataPath} ${e.message}`);
  found.k6 = (await liHARToK6Script(har)).main;
  console.log(JSON.stringify(found));
}
