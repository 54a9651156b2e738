/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "secret-fences.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct fence {
	off_t line, next;
	/* offset of its NUL-terminated name, 0 = no fence */
	uint32_t name;
};

struct secret_fences {
	char *path;
	/* of exactly this file */
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec mtime, ctime;

	/* by step; 0 is unused */
	struct fence fences[SECRET_FENCES_MAX];
	/* offset 0 is unused */
	uint32_t names_size;
	char names[SECRET_FENCES_NAMES_BYTES];
};

/* The one that was asked for last comes first. */
static struct secret_fences *files[SECRET_FENCES_FILES];

static bool is_same_time(const struct timespec *time1,
			 const struct timespec *time2)
{
	return time1->tv_sec == time2->tv_sec &&
		time1->tv_nsec == time2->tv_nsec;
}

static bool
is_same_file(const struct secret_fences *fences, const struct stat *st)
{
	return fences->dev == st->st_dev && fences->ino == st->st_ino &&
		fences->size == st->st_size &&
		is_same_time(&fences->mtime, &st->st_mtim) &&
		is_same_time(&fences->ctime, &st->st_ctim);
}

static void fences_free(struct secret_fences *fences)
{
	if (fences != NULL)
		free(fences->path);
	free(fences);
}

/* Memory that nobody has written to takes none. */
static struct secret_fences *fences_create(const char *path)
{
	struct secret_fences *fences = calloc(1, sizeof(*fences));

	if (fences == NULL)
		return NULL;
	fences->path = strdup(path);
	if (fences->path == NULL) {
		fences_free(fences);
		return NULL;
	}
	return fences;
}

struct secret_fences *
secret_fences_get(const char *path, const struct stat *st)
{
	struct secret_fences *fences = NULL;
	size_t i;

	for (i = 0; i < SECRET_FENCES_FILES; i++) {
		if (files[i] == NULL || strcmp(files[i]->path, path) == 0) {
			fences = files[i];
			break;
		}
	}
	if (fences == NULL) {
		fences = fences_create(path);
		if (fences == NULL)
			return NULL;
		if (i == SECRET_FENCES_FILES)
			fences_free(files[--i]);
	}
	memmove(files + 1, files, i * sizeof(files[0]));
	files[0] = fences;

	if (!is_same_file(fences, st)) {
		secret_fences_forget(fences);
		fences->dev = st->st_dev;
		fences->ino = st->st_ino;
		fences->size = st->st_size;
		fences->mtime = st->st_mtim;
		fences->ctime = st->st_ctim;
	}
	return fences;
}

bool secret_fences_find(const struct secret_fences *fences, unsigned int step,
			struct secret_fence *fence_r)
{
	const struct fence *fence;

	if (step >= SECRET_FENCES_MAX || fences->fences[step].name == 0)
		return false;
	fence = &fences->fences[step];
	fence_r->line = fence->line;
	fence_r->next = fence->next;
	fence_r->user = fences->names + fence->name;
	return true;
}

void secret_fences_add(struct secret_fences *fences, unsigned int step,
		       const struct secret_fence *fence)
{
	size_t size = strlen(fence->user) + 1;

	if (step >= SECRET_FENCES_MAX ||
	    size > sizeof(fences->names) - fences->names_size)
		return;
	memcpy(fences->names + fences->names_size, fence->user, size);
	fences->fences[step].line = fence->line;
	fences->fences[step].next = fence->next;
	fences->fences[step].name = fences->names_size;
	fences->names_size += (uint32_t)size;
}

void secret_fences_forget(struct secret_fences *fences)
{
	memset(fences->fences, 0, sizeof(fences->fences));
	fences->names_size = 1;
}

void secret_fences_clear(void)
{
	size_t i;

	for (i = 0; i < SECRET_FENCES_FILES; i++) {
		fences_free(files[i]);
		files[i] = NULL;
	}
}
