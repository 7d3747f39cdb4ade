/* Takes every option of option_facts.h through an API: on each socket type the
 * default, good and bad values, wrong sizes, the wrong direction, and options
 * of other types. Each check is one test, for zmq.h and for zuv.h alike. What
 * fails names the option, the socket type and the value. */
#ifndef OPTION_CHECKS_H
#define OPTION_CHECKS_H

#include <stdbool.h>

#include "option_facts.h"

/* An API. Set and get answer 0 or a negative errno. */
typedef struct {
  bool is_zuv;
  bool is_native;
  void *(*open)(void *state, int type);
  void (*close)(void *state, void *socket);
  int (*set)(void *socket, int option, const void *value, size_t size);
  int (*get)(void *socket, int option, void *value, size_t *size);
} option_api_t;

typedef void (*option_check_t)(const option_api_t *api, void *socket,
                               const option_fact_t *fact, int type);

/* Calls check for every option on a new socket of every type. */
void option_check_all(const option_api_t *api, void *state,
                      option_check_t check);

/* A new socket reads the default. */
void option_check_default(const option_api_t *, void *, const option_fact_t *,
                          int type);
/* Good numbers are taken and read back; bad ones are refused, and change
 * nothing. */
void option_check_numbers(const option_api_t *, void *, const option_fact_t *,
                          int type);
/* Numbers and keys have the sizes that they have, in both directions. */
void option_check_sizes(const option_api_t *, void *, const option_fact_t *,
                        int type);
/* Texts and bytes within their lengths are taken and read back; others are
 * refused, and change nothing. */
void option_check_lengths(const option_api_t *, void *, const option_fact_t *,
                          int type);
/* What can only be read or set, and what other types have. */
void option_check_refusals(const option_api_t *, void *, const option_fact_t *,
                           int type);
/* NULL is never read or written. libzmq crashes. */
void option_check_null(const option_api_t *, void *, const option_fact_t *,
                       int type);

#endif /* OPTION_CHECKS_H */
