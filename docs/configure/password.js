// SPDX-License-Identifier: BSD-3-Clause
// Makes passwords, and takes them out of what is passed on.
"use strict";

const Password = (() => {
  // No letters that look like others; 32 of 5 bits make 160.
  const LETTERS = "abcdefghijkmnpqrstuvwxyz23456789";

  function make(length = 32) {
    const random = crypto.getRandomValues(new Uint8Array(length));
    return Array.from(random, (byte) => LETTERS[byte % LETTERS.length]).join("");
  }

  // A copy without any password in it.
  function without(value) {
    if (Array.isArray(value)) return value.map(without);
    if (typeof value !== "object" || value === null) return value;
    const kept = Object.entries(value).filter(([key]) => key !== "encryption_password");
    return Object.fromEntries(kept.map(([key, inner]) => [key, without(inner)]));
  }

  return { make, without };
})();
