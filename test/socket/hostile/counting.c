#include "counting.h"

#include <malloc.h>
#include <stdlib.h>

#include "zuv.h"

struct counting_s counting;

static void *counted(void *pointer) {
  counting.blocks += pointer != NULL;
  counting.octets += (long)malloc_usable_size(pointer);
  return pointer;
}

static void *counting_malloc(size_t size) {
  return counting.fails ? NULL : counted(malloc(size));
}

static void *counting_calloc(size_t count, size_t size) {
  return counting.fails ? NULL : counted(calloc(count, size));
}

static void *counting_realloc(void *pointer, size_t size) {
  long old = (long)malloc_usable_size(pointer);
  void *moved = counting.fails ? NULL : realloc(pointer, size);

  if (moved == NULL)
    return NULL;
  counting.blocks -= pointer != NULL;
  counting.octets -= old;
  return counted(moved);
}

static void counting_free(void *pointer) {
  counting.blocks -= pointer != NULL;
  counting.octets -= (long)malloc_usable_size(pointer);
  free(pointer);
}

void counting_start(void) {
  zuv_replace_allocator(counting_malloc, counting_realloc, counting_calloc,
                        counting_free);
}

void counting_stop(void) {
  zuv_replace_allocator(malloc, realloc, calloc, free);
}
