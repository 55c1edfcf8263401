// The AWS CDK synthesises app.js into exactly the template that the Go tests read. After an update of the CDK:
//
//   node app.js > ../../internal/template/testdata/cdk.json
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { fileURLToPath } from 'node:url';

const file = (name) => fileURLToPath(new URL(name, import.meta.url));

test('cdk synth makes the template that the Go tests read', () => {
  const template = execFileSync(process.execPath, [file('app.js')], { cwd: file('.'), encoding: 'utf8' });
  assert.equal(template, readFileSync(file('../../internal/template/testdata/cdk.json'), 'utf8'));
});
