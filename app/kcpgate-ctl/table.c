/* SPDX-License-Identifier: BSD-3-Clause */
/* Prints rows for people. */
#include "ctl.h"

#include <string.h>

#define CELL_BYTES 256

static const char *cell(const json_t *row, const struct column *column, char text[CELL_BYTES])
{
	const json_t *value = json_object_get(row, column->key);

	if (json_is_string(value))
		return json_string_value(value);
	if (!json_is_number(value))
		return "-";
	if (column->divisor != 0)
		snprintf(text, CELL_BYTES, "%.1f", json_number_value(value) / column->divisor);
	else
		snprintf(text, CELL_BYTES, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	return text;
}

static size_t width_of(const json_t *rows, const struct column *column)
{
	size_t width = strlen(column->head), i;
	char text[CELL_BYTES];
	const json_t *row;

	json_array_foreach (rows, i, row) {
		width = KG_MAX(width, strlen(cell(row, column, text)));
	}
	return width;
}

static bool is_number(const json_t *rows, const struct column *column)
{
	return json_is_number(json_object_get(json_array_get(rows, 0), column->key));
}

static void print_cell(const char *text, size_t width, bool right, bool last)
{
	if (last && !right)
		printf("%s\n", text);
	else
		printf("%*s%s", right ? (int)width : -(int)width, text, last ? "\n" : "  ");
}

void ctl_print_table(const json_t *rows, const struct column *columns, size_t count)
{
	size_t widths[16], i;
	bool right[16];
	char text[CELL_BYTES];
	const json_t *row;

	for (size_t c = 0; c < count; c++) {
		widths[c] = width_of(rows, &columns[c]);
		right[c] = is_number(rows, &columns[c]);
		print_cell(columns[c].head, widths[c], right[c], c + 1 == count);
	}
	json_array_foreach (rows, i, row) {
		for (size_t c = 0; c < count; c++)
			print_cell(cell(row, &columns[c], text), widths[c], right[c],
				   c + 1 == count);
	}
}
