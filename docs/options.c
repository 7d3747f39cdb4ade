/* Prints the tables of the options, for docs/options.py: a line for each
 * option, its cells between tabs; the first says which table it is of. */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>

#include "blocking/context_options.h"
#include "core/options.h"

enum { SOCKET_TYPES = 12, ALL_TYPES = 0xfff };

static const char *const access_names[] = {"", "get", "set", "get, set"};

static int is_number(const zuv__option_t *row) {
  return row->type != ZUV__OPTION_STRING && row->type != ZUV__OPTION_BLOB;
}

static void print_type(const zuv__option_t *row) {
  static const char *const names[] = {"int",    "flag",   "flag", "int64",
                                      "uint64", "string", "blob"};

  printf("\t%s", names[row->type]);
  if (row->unit[0] != '\0')
    printf(", %s", row->unit);
}

static void print_range(const zuv__option_t *row) {
  int has_min = row->min != INT_MIN && row->min != INT64_MIN;
  int has_max = row->max != INT_MAX && row->max != INT64_MAX;

  if (!has_min || (!is_number(row) && row->min == 0 && !has_max))
    printf("\tany");
  else if (!has_max)
    printf("\t>= %" PRId64, row->min);
  else if (row->min == row->max)
    printf("\t%" PRId64, row->min);
  else
    printf("\t%" PRId64 "..%" PRId64, row->min, row->max);
}

static void print_initial(const zuv__option_t *row) {
  if (row->handling == ZUV__OPTION_SPECIAL || row->number == ZUV_TYPE)
    printf("\t-");
  else if (!is_number(row) || row->handling == ZUV__OPTION_FILTER)
    printf("\tempty");
  else
    printf("\t%" PRId64, row->initial);
}

static void print_socket_types(const zuv__option_t *row) {
  static const char *const names[SOCKET_TYPES] = {
      "PAIR",   "PUB",  "SUB",  "REQ",  "REP",  "DEALER",
      "ROUTER", "PULL", "PUSH", "XPUB", "XSUB", "STREAM"};
  const char *separator = "\t";

  if (row->socket_types == ALL_TYPES) {
    printf("\tall");
    return;
  }
  for (int type = 0; type < SOCKET_TYPES; type++) {
    if ((row->socket_types & (1u << type)) == 0)
      continue;
    printf("%s%s", separator, names[type]);
    separator = ", ";
  }
}

static void print_socket_option(const zuv__option_t *row) {
  static const char *const when[] = {"now", "next", "now, next", "close"};

  if (row->handling == ZUV__OPTION_UNSUPPORTED) {
    printf("unsupported\t%s\t%d\t%s\n", row->name, row->number, row->summary);
    return;
  }
  printf("options\t%s\t%d\t%s", row->name, row->number,
         access_names[row->access & 3u]);
  print_type(row);
  print_range(row);
  print_initial(row);
  print_socket_types(row);
  printf("\t%s\t%s\n", when[row->when], row->summary);
}

static void print_context_range(const zmq__context_option_t *row) {
  if (row->kind == ZMQ__CONTEXT_TEXT)
    printf("\t1..%d bytes, or an int", ZMQ__NAME_PREFIX_MAX);
  else if (row->kind == ZMQ__CONTEXT_CONSTANT)
    printf("\t-");
  else
    printf("\t>= %d", row->min);
}

static void print_context_initial(const zmq__context_option_t *row) {
  if (row->kind == ZMQ__CONTEXT_TEXT || row->kind == ZMQ__CONTEXT_CPU)
    printf("\tempty");
  else
    printf("\t%d", row->initial);
}

static void print_context_option(const zmq__context_option_t *row) {
  printf("context\t%s\t%d\t%s", row->name, row->number,
         access_names[row->access]);
  print_context_range(row);
  print_context_initial(row);
  printf("\t%s\t%s\n", row->when, row->summary);
}

int main(void) {
  for (int number = 0; number < ZUV__OPTION_END; number++)
    if (zuv__option_find(number) != NULL)
      print_socket_option(zuv__option_find(number));
  for (int i = 0; i < ZMQ__CONTEXT_OPTION_COUNT; i++)
    print_context_option(&zmq__context_option_table[i]);
  return 0;
}
