#!/usr/bin/env node
// SPDX-License-Identifier: BSD-3-Clause
// words.js PAGE: both Chinese files translate the same sentences, each of them is said by the page or the reference
// still, and no value or code in them has been lost on the way. What is not translated yet is listed, and no fault.
"use strict";

const assert = require("node:assert");
const fs = require("node:fs");
const path = require("node:path");
const vm = require("node:vm");

const directory = path.resolve(process.argv[2]);
const read = (name) => fs.readFileSync(path.join(directory, name), "utf8");
const object = (file, name) => vm.runInNewContext(`${read(file)}\n${name}`);

const { scopes } = object("settings.js", "SETTINGS");
const sentences = new Set(
  Object.values(scopes)
    .flat()
    .flatMap(({ meaning, kcptube }) => [meaning, kcptube]),
);
const reference = new Set([
  ...sentences,
  ...Object.values(scopes)
    .flat()
    .map(({ value }) => value),
]);
const page = fs
  .readdirSync(directory)
  .filter((name) => /\.(html|js)$/.test(name) && !/^(words_|settings|rules_code)/.test(name))
  .map(read)
  .join("\n")
  .replaceAll("&quot;", '"');
const marks = (text) => (text.match(/`[^`]*`|\{\d\}/g) ?? []).sort();

const [hans, hant] = [
  ["words_zh_hans.js", "WORDS_ZH_HANS"],
  ["words_zh_hant.js", "WORDS_ZH_HANT"],
].map(([file, name]) => object(file, name));
assert.deepStrictEqual(Object.keys(hans), Object.keys(hant));
for (const [english, text] of [...Object.entries(hans), ...Object.entries(hant)]) {
  assert(reference.has(english) || page.includes(`"${english}"`), `nobody says any more: ${english}`);
  assert.deepStrictEqual(marks(text), marks(english), `${english}\n${text}`);
}
for (const english of sentences)
  if (english !== "the same" && !(english in hans)) console.log(`not translated: ${english}`);
