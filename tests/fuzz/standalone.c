/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a fuzzer over kept inputs without libFuzzer: every named file, and every
 * file in a named folder. */
#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz.h"

#define PATH_SIZE 4096

/** The longest input, as in libFuzzer. */
#define INPUT_SIZE_MAX (1024 * 1024)

static unsigned inputs;

static int run_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *read = malloc(INPUT_SIZE_MAX);
    uint8_t *data = NULL;
    size_t size = 0;
    int status = -1;

    if (file == NULL || read == NULL) {
        goto out;
    }
    size = fread(read, 1, INPUT_SIZE_MAX, file);
    data = malloc(size > 0 ? size : 1);
    if (data == NULL || ferror(file)) {
        goto out;
    }
    memcpy(data, read, size);
    /* Printed before it runs, so that a crash can be attributed to it. */
    printf("%s\n", path);
    (void)fflush(stdout);
    (void)LLVMFuzzerTestOneInput(data, size);
    inputs++;
    status = 0;
out:
    if (status != 0) {
        (void)fprintf(stderr, "cannot read %s\n", path);
    }
    free(data);
    free(read);
    if (file != NULL) {
        (void)fclose(file);
    }
    return status;
}

static int run_folder(const char *path)
{
    DIR *folder = opendir(path);
    struct dirent *entry;
    int status = 0;

    if (folder == NULL) {
        (void)fprintf(stderr, "cannot read %s\n", path);
        return -1;
    }
    while (status == 0 && (entry = readdir(folder)) != NULL) {
        char inner[PATH_SIZE];

        if (entry->d_name[0] != '.') {
            (void)snprintf(inner, sizeof(inner), "%s/%s", path, entry->d_name);
            status = run_file(inner);
        }
    }
    (void)closedir(folder);
    return status;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        struct stat about;
        int status = stat(argv[i], &about);

        if (status == 0) {
            status = S_ISDIR(about.st_mode) ? run_folder(argv[i])
                                            : run_file(argv[i]);
        }
        if (status != 0) {
            (void)fprintf(stderr, "cannot run %s\n", argv[i]);
            return EXIT_FAILURE;
        }
    }
    printf("%u inputs\n", inputs);
    return inputs > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
