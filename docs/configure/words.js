// SPDX-License-Identifier: BSD-3-Clause
// Says things in the reader's language. What is translated is an English sentence as a whole: one that has been changed
// since stands in English until somebody translates it anew.
"use strict";

const Words = (() => {
  const LANGUAGES = { "zh-Hans": WORDS_ZH_HANS, "zh-Hant": WORDS_ZH_HANT };
  let language = "en";

  function guess(wanted = navigator.languages ?? []) {
    for (const tag of wanted) {
      if (/^en\b/i.test(tag)) return "en";
      if (/^zh\b/i.test(tag)) return /hant|-(tw|hk|mo)\b/i.test(tag) ? "zh-Hant" : "zh-Hans";
    }
    return "en";
  }

  // say("{0} of {1}", 3, 5)
  function say(english, ...values) {
    const text = LANGUAGES[language]?.[english] ?? english;
    return text.replace(/\{(\d)\}/g, (_, i) => values[i]);
  }

  return {
    guess,
    say,
    use: (tag) => {
      language = tag;
    },
    get language() {
      return language;
    },
    has: (english) => language === "en" || english in LANGUAGES[language],
  };
})();
const say = Words.say;
