#include "failing.h"

#include <execinfo.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "zuv.h"

enum { CALLERS_MAX = 24 };

static atomic_size_t count;
static atomic_size_t failed;
static atomic_long alive;
static atomic_size_t fail_first; /* 0: none */
static atomic_size_t fail_last;
static void *callers[CALLERS_MAX];
static int callers_count;

static bool fails(void) {
  size_t number = atomic_fetch_add(&count, 1) + 1;
  size_t first = atomic_load(&fail_first);

  if (first == 0 || number < first || number > atomic_load(&fail_last))
    return false;
  if (atomic_fetch_add(&failed, 1) == 0)
    callers_count = backtrace(callers, CALLERS_MAX);
  return true;
}

static void *note(void *pointer) {
  if (pointer != NULL)
    atomic_fetch_add(&alive, 1);
  return pointer;
}

static void *failing_malloc(size_t size) {
  return fails() ? NULL : note(malloc(size));
}

static void *failing_calloc(size_t number, size_t size) {
  return fails() ? NULL : note(calloc(number, size));
}

static void *failing_realloc(void *pointer, size_t size) {
  if (fails())
    return NULL;
  return pointer == NULL ? note(malloc(size)) : realloc(pointer, size);
}

static void failing_free(void *pointer) {
  if (pointer != NULL)
    atomic_fetch_sub(&alive, 1);
  free(pointer);
}

void failing_install(void) {
  /* The first call loads a library. */
  callers_count = backtrace(callers, CALLERS_MAX);
  (void)zuv_replace_allocator(failing_malloc, failing_realloc, failing_calloc,
                              failing_free);
}

void failing_arm(size_t first, size_t length) {
  atomic_store(&fail_first, first);
  atomic_store(&fail_last, first + length - 1);
  atomic_store(&count, 0);
  atomic_store(&failed, 0);
  atomic_store(&alive, 0);
  callers_count = 0;
}

void failing_disarm(void) {
  atomic_store(&fail_first, 0);
}

size_t failing_count(void) {
  return atomic_load(&count);
}

size_t failing_failed(void) {
  return atomic_load(&failed);
}

long failing_alive(void) {
  return atomic_load(&alive);
}

void failing_explain(void) {
  backtrace_symbols_fd(callers, callers_count, STDERR_FILENO);
}
