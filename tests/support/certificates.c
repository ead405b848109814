/*
 * Making certificates; see certificates.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/certificates.h"

#include "support/peer.h"
#include "support/puppet.h"

#include <check.h>
#include <dirent.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATHS 8
#define PATH_SIZE 400
#define DAY 86400L

static char directory[64];

const char *certificates_path(const char *file)
{
    static _Thread_local char paths[PATHS][PATH_SIZE];
    static _Thread_local unsigned turn;
    char *path = paths[turn++ % PATHS];
    snprintf(path, PATH_SIZE, "%s/%s", directory, file);
    return path;
}

static FILE *open_file(const char *name, const char *suffix, const char *mode)
{
    char file[64];
    snprintf(file, sizeof(file), "%s%s", name, suffix);
    FILE *opened = fopen(certificates_path(file), mode);
    ck_assert_msg(opened != NULL, "cannot open %s", certificates_path(file));
    return opened;
}

static EVP_PKEY *read_key(const char *name)
{
    FILE *file = open_file(name, ".key", "r");
    EVP_PKEY *key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
    fclose(file);
    ck_assert_ptr_nonnull(key);
    return key;
}

static X509 *read_certificate(const char *name)
{
    FILE *file = open_file(name, ".pem", "r");
    X509 *certificate = PEM_read_X509(file, NULL, NULL, NULL);
    fclose(file);
    ck_assert_ptr_nonnull(certificate);
    return certificate;
}

static void write_both(const char *name, X509 *certificate, EVP_PKEY *key)
{
    FILE *file = open_file(name, ".pem", "w");
    ck_assert_int_eq(PEM_write_X509(file, certificate), 1);
    fclose(file);
    file = open_file(name, ".key", "w");
    ck_assert_int_eq(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
    fclose(file);
}

static void add_extension(X509 *certificate, int what, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, what, value);
    ck_assert_ptr_nonnull(extension);
    ck_assert_int_eq(X509_add_ext(certificate, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

void certificates_make(const char *name, const char *issuer, const char *names, int days)
{
    static long serial;
    if (directory[0] == '\0') {
        snprintf(directory, sizeof(directory), "/tmp/omcache-certificates-XXXXXX");
        ck_assert_ptr_nonnull(mkdtemp(directory));
    }
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    ck_assert(key != NULL && certificate != NULL);
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial);
    if (issuer == NULL || names != NULL) {
        X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                                   (const unsigned char *)name, -1, -1, 0);
    }
    X509_gmtime_adj(X509_getm_notBefore(certificate), -2 * DAY);
    X509_gmtime_adj(X509_getm_notAfter(certificate), days == 0 ? -DAY : days * DAY);
    X509_set_pubkey(certificate, key);
    add_extension(certificate, NID_basic_constraints, issuer == NULL ? "CA:TRUE" : "CA:FALSE");
    if (names != NULL) {
        add_extension(certificate, NID_subject_alt_name, names);
    }
    EVP_PKEY *signer = issuer == NULL ? key : read_key(issuer);
    X509 *parent = issuer == NULL ? certificate : read_certificate(issuer);
    X509_set_issuer_name(certificate, X509_get_subject_name(parent));
    ck_assert_int_gt(X509_sign(certificate, signer, EVP_sha256()), 0);
    write_both(name, certificate, key);
    if (issuer != NULL) {
        EVP_PKEY_free(signer);
        X509_free(parent);
    }
    EVP_PKEY_free(key);
    X509_free(certificate);
}

void certificates_hash(const char *name)
{
    X509 *certificate = read_certificate(name);
    char file[64];
    snprintf(file, sizeof(file), "%08lx.0", X509_subject_name_hash(certificate));
    X509_free(certificate);
    char target[64];
    snprintf(target, sizeof(target), "%s.pem", name);
    ck_assert_int_eq(symlink(target, certificates_path(file)), 0);
}

bool certificates_are_wanted(void)
{
    static bool are_wanted;
    const char *wanted = peer_is_there() || puppet_is_there() ? NULL : getenv("PROTOCOL");
    if (!are_wanted && wanted && strcmp(wanted, "tls") == 0) { /* threads only read it */
        are_wanted = true;
    }
    return are_wanted;
}

void certificates_need(void)
{
    if (directory[0] != '\0') {
        return;
    }
    certificates_make("fixture-ca", NULL, NULL, 1);
    certificates_make("fixture", "fixture-ca", "DNS:" CERTIFICATES_NAME, 1);
}

void certificates_remove(void)
{
    DIR *opened = directory[0] == '\0' ? NULL : opendir(directory);
    if (opened == NULL) {
        return;
    }
    for (struct dirent *entry = readdir(opened); entry != NULL; entry = readdir(opened)) {
        unlink(certificates_path(entry->d_name));
    }
    closedir(opened);
    rmdir(directory);
    directory[0] = '\0';
}
