#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

#include "zuv.h"

static struct {
  zuv_malloc_fn malloc_fn;
  zuv_realloc_fn realloc_fn;
  zuv_calloc_fn calloc_fn;
  zuv_free_fn free_fn;
} allocator = {malloc, realloc, calloc, free};

int zuv_replace_allocator(zuv_malloc_fn malloc_fn, zuv_realloc_fn realloc_fn,
                          zuv_calloc_fn calloc_fn, zuv_free_fn free_fn) {
  if (malloc_fn == NULL || realloc_fn == NULL || calloc_fn == NULL ||
      free_fn == NULL)
    return UV_EINVAL;
  allocator.malloc_fn = malloc_fn;
  allocator.realloc_fn = realloc_fn;
  allocator.calloc_fn = calloc_fn;
  allocator.free_fn = free_fn;
  return 0;
}

void *zuv__malloc(size_t size) {
  return allocator.malloc_fn(size);
}

void *zuv__calloc(size_t count, size_t size) {
  return allocator.calloc_fn(count, size);
}

void *zuv__realloc(void *pointer, size_t size) {
  return allocator.realloc_fn(pointer, size);
}

void zuv__free(void *pointer) {
  allocator.free_fn(pointer);
}

char *zuv__strndup(const char *text, size_t size) {
  char *copy = zuv__malloc(size + 1);
  if (copy == NULL)
    return NULL;
  if (size > 0)
    memcpy(copy, text, size);
  copy[size] = '\0';
  return copy;
}
