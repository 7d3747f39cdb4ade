/* The one place where zuv asks for memory: every allocation passes here, so
 * that zuv_replace_allocator and the tests can stand behind it. */
#ifndef ZUV_BASE_ALLOC_H
#define ZUV_BASE_ALLOC_H

#include <stddef.h>

/* All answer NULL when there is no memory. */
void *zuv__malloc(size_t size);
void *zuv__calloc(size_t count, size_t size);
void *zuv__realloc(void *pointer, size_t size);
void zuv__free(void *pointer);

/* A NUL-terminated copy of `size` bytes. */
char *zuv__strndup(const char *text, size_t size);

#endif /* ZUV_BASE_ALLOC_H */
