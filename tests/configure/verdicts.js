#!/usr/bin/env node
// SPDX-License-Identifier: BSD-3-Clause
// verdicts.js PAGE KCPGATE ROOT: what the page says of a file is what kcpgate says, word by word and place by place, of
// every configuration and .conf file that tests have; and each fix that the page offers makes its verdict go.
"use strict";

const assert = require("node:assert");
const { spawnSync } = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { load } = require("./page.js");

const [page, kcpgate, root] = process.argv.slice(2).map((name) => path.resolve(name));

// What only a machine knows: its CPUs, directories and files.
const OF_MACHINES =
  /allowed CPUs of this machine|: log_path of |encryption_password_file: (warning: every user|found|cannot)/;

const ascii = (text) =>
  Buffer.from(text)
    .map((byte) => (byte < 0x80 ? byte : 0x3f))
    .toString("latin1");
const lines = (text) => text.split("\n").filter((line) => line && !OF_MACHINES.test(line));

function said({ errors, warnings }) {
  return [
    ...errors.map(({ where, text }) => `${where}: ${text}`),
    ...warnings.map(({ where, text }) => `${where}: warning: ${text}`),
  ].map(ascii);
}

function files(directory, pattern = /./) {
  return fs
    .readdirSync(path.join(root, directory), { recursive: true })
    .filter((name) => pattern.test(name))
    .map((name) => path.join(root, directory, name));
}

const CONFIGURATIONS = [...files("tests/fuzz/corpus/config"), ...files("config", /(?<!schema|grafana-kcpgate)\.json$/)];
const CONFS = [...files("tests/fuzz/corpus/import"), ...files("tests/vectors/captures", /\.conf$/)];

// A copy that only its owner can read, as kcpgate wants it.
function copied(directory, name, bytes) {
  const copy = path.join(directory, name);
  fs.writeFileSync(copy, bytes, { mode: 0o600 });
  return copy;
}

function ask(option, file) {
  const done = spawnSync(kcpgate, [option, file], { encoding: "buffer", timeout: 60000 });
  return { status: done.status, out: done.stdout.toString(), said: lines(ascii(done.stderr)) };
}

const counts = { configurations: 0, confs: 0, verdicts: 0, fixes: 0 };

// Of the first of them: some files are nothing but mistakes.
function compareFixes({ Fixes }, judge, file, text, { errors, warnings }, isConf) {
  for (const verdict of [...errors, ...warnings].slice(0, 20)) {
    const at = { ...verdict, ...Fixes.placeOf(file, verdict.where, text) },
      fix = Fixes.of(at, text, isConf);
    assert(at.line >= 1 && at.line <= text.split("\n").length, `${file}: no line ${at.line}`);
    if (!fix) continue;
    const after = judge(file, Fixes.apply(text, at, fix, isConf)),
      same = (other) => other.where === verdict.where && other.text === verdict.text;
    assert(
      ![...after.errors, ...after.warnings].some(same),
      `${file}: ${verdict.where}: ${verdict.text}: ${JSON.stringify(fix)} does not mend it`,
    );
    counts.fixes++;
  }
}

const isText = (bytes) => Buffer.from(bytes.toString()).equals(bytes);

function compareConfiguration(scripts, file, bytes) {
  const ours = scripts.Rules.check(file, bytes),
    theirs = ask("--check-config", file);
  assert.deepStrictEqual(lines(said(ours).join("\n")), theirs.said, file);
  if (theirs.said.length) assert.strictEqual(theirs.status, ours.errors.length ? 2 : 0, file);
  assert.strictEqual(ours.costs === undefined, ours.errors.length > 0, file);
  if (isText(bytes)) compareFixes(scripts, scripts.Rules.check, file, bytes.toString(), ours, false);
  counts.configurations++;
  counts.verdicts += theirs.said.length;
}

function compareConf(scripts, file, bytes) {
  const ours = scripts.Rules.import(file, bytes),
    theirs = ask("--import", file);
  assert.deepStrictEqual(said(ours), theirs.said, file);
  assert.strictEqual(theirs.status, ours.errors.length ? 1 : 0, file);
  if (ours.document) assert.deepStrictEqual(JSON.parse(JSON.stringify(ours.document)), JSON.parse(theirs.out), file);
  if (isText(bytes)) compareFixes(scripts, scripts.Rules.import, file, bytes.toString(), ours, true);
  counts.confs++;
  counts.verdicts += theirs.said.length;
}

async function main() {
  const scripts = await load(page);
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), "kcpgate-page-"));
  try {
    for (const [compare, list, ending] of [
      [compareConfiguration, CONFIGURATIONS, ".json"],
      [compareConf, CONFS, ".conf"],
    ]) {
      for (const file of list) {
        const bytes = fs.readFileSync(file),
          name = path.basename(file).replace(/(\.\w+)?$/, ending);
        compare(scripts, copied(directory, name, bytes), bytes);
      }
    }
  } finally {
    fs.rmSync(directory, { recursive: true });
  }
  console.log(counts);
  assert(
    counts.configurations > 150 && counts.confs > 90 && counts.verdicts > 300 && counts.fixes > 30,
    "hardly anything was compared",
  );
}

main();
