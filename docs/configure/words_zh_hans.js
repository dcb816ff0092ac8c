// SPDX-License-Identifier: BSD-3-Clause
"use strict";

const WORDS_ZH_HANS = {};
