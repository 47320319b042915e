#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

// Types and constants of libcurl. The library itself is loaded when it is first used (CurlLibrary.swift), so its
// functions come as pointers. This one is variadic in C, which Swift cannot call: one function for each type.
typedef CURLcode (*quarry_curl_setopt)(CURL *, CURLoption, ...);

static inline CURLcode quarry_curl_set_long(void *set, CURL *handle, CURLoption option, long value) {
  return ((quarry_curl_setopt)set)(handle, option, value);
}
static inline CURLcode quarry_curl_set_size(void *set, CURL *handle, CURLoption option, curl_off_t value) {
  return ((quarry_curl_setopt)set)(handle, option, value);
}
static inline CURLcode quarry_curl_set_text(void *set, CURL *handle, CURLoption option, const char *value) {
  return ((quarry_curl_setopt)set)(handle, option, value);
}
static inline CURLcode quarry_curl_set_pointer(void *set, CURL *handle, CURLoption option, const void *value) {
  return ((quarry_curl_setopt)set)(handle, option, value);
}
// For the head (CURLOPT_HEADERFUNCTION) and the body (CURLOPT_WRITEFUNCTION) of an answer.
static inline CURLcode quarry_curl_set_sink(void *set, CURL *handle, CURLoption option, curl_write_callback callback) {
  return ((quarry_curl_setopt)set)(handle, option, callback);
}
static inline CURLcode quarry_curl_set_source(void *set, CURL *handle, curl_read_callback callback) {
  return ((quarry_curl_setopt)set)(handle, CURLOPT_READFUNCTION, callback);
}
