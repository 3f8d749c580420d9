// Validates YAML files with a JSON Schema, with ajv in strict mode. Arguments:
// the schema, then the files. Fails on the first that is not valid.
import { readFile } from 'node:fs/promises';

import Ajv from 'ajv/dist/2020.js';
import { parse } from 'yaml';

const [schema, ...files] = process.argv.slice(2);
const ajv = new Ajv({ strict: true, strictRequired: false, allowUnionTypes: true, validateFormats: false });
const validate = ajv.compile(JSON.parse(await readFile(schema, 'utf8')));
for (const file of files) {
  if (!validate(parse(await readFile(file, 'utf8')))) {
    throw new Error(`${file}: ${ajv.errorsText(validate.errors)}`);
  }
}
console.log(`${files.length} valid`);
