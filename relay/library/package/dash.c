/* dash.c - which sources make a view, and its XML. File names are clean (build.c): no escaping. */
#include "relay/library/package/dash.h"

#include <stdio.h>
#include <string.h>

const char *dash_mime(const struct build_track *t)
{
    return t->codec == TAPE_OPUS ? "audio/webm" : "video/webm";
}

const char *dash_codec(const struct build_track *t)
{
    static const char *const names[] = {
        [TAPE_OTHER] = "", [TAPE_OPUS] = "opus", [TAPE_VP8] = "vp8", [TAPE_VP9] = "vp9"};
    return names[t->codec];
}

uint64_t dash_bandwidth(const struct build_track *t)
{
    const int64_t us = usec_max(t->file.end - t->file.start, USEC_SEC);
    const uint64_t bps = t->file.bytes * 8 * 1000 / (uint64_t)(us / 1000);
    return bps ? bps : 1;
}

static bool usable(const struct build_track *t)
{
    return t->file.index.to > 0;
}

bool dash_shows(const struct dash_view *v, const struct build_track *t)
{
    return usable(t) && t->codec != TAPE_OPUS && v->source && t->site_no == v->site_no &&
           !t->floor && strcmp(t->source, v->source) == 0;
}

static const struct build_track *voice_of(const struct build *b, unsigned site_no)
{
    for (size_t i = 0; i < b->tracks; i++) {
        const struct build_track *const t = &b->track[i];
        if (usable(t) && t->codec == TAPE_OPUS && t->site_no == site_no && !t->floor)
            return t;
    }
    return NULL;
}

static const struct build_track *floor_of(const struct build *b)
{
    for (size_t i = 0; i < b->tracks; i++)
        if (b->track[i].floor && usable(&b->track[i]))
            return &b->track[i];
    return NULL;
}

static bool has_pictures(const struct build *b, const struct dash_view *v)
{
    for (size_t i = 0; i < b->tracks; i++)
        if (dash_shows(v, &b->track[i]))
            return true;
    return false;
}

static size_t add(struct dash_view out[DASH_VIEWS], size_t n, const struct build *b,
                  struct dash_view v)
{
    if (n == DASH_VIEWS)
        return n;
    if (!has_pictures(b, &v))
        v.source = NULL;
    if (!v.source && (!v.voice || v.voice->floor)) /* the floor's voice alone is no view */
        return n;
    (void)snprintf(v.file, sizeof v.file, "%s.mpd", v.name);
    out[n] = v;
    return n + 1;
}

/* The clean form of a site's name, from the name of its file: site3-NAME-…. */
static void name_site(char out[RECORD_TEXT], const struct build_track *t)
{
    size_t n = 0;
    for (const char *s = t->site; *s && n < 32; s++)
        out[n++] = (char)(strchr("-_", *s) || (*s >= '0' && *s <= '9') ||
                                  (*s >= 'A' && *s <= 'Z') || (*s >= 'a' && *s <= 'z')
                              ? *s
                              : '_');
    out[n] = 0;
}

static size_t add_site(struct dash_view out[DASH_VIEWS], size_t n, const struct build *b,
                       const struct build_track *t)
{
    struct dash_view v = {
        .site_no = t->site_no, .source = "class", .voice = voice_of(b, t->site_no)};
    char site[RECORD_TEXT];
    name_site(site, t);
    (void)snprintf(v.name, sizeof v.name, "site-%.40s", site[0] ? site : "0");
    for (size_t i = 0; i < n; i++)
        if (strcmp(out[i].name, v.name) == 0) /* two sites that look alike once they are clean */
            (void)snprintf(v.name, sizeof v.name, "site-%.40s-%u", site, (unsigned)t->site_no);
    return add(out, n, b, v);
}

size_t dash_views(struct dash_view out[DASH_VIEWS], const struct build *b)
{
    size_t n = 0;
    n = add(out, n, b,
            (struct dash_view){.name = "camera", .source = "camera", .voice = voice_of(b, 0)});
    n = add(out, n, b,
            (struct dash_view){.name = "slides", .source = "slides", .voice = floor_of(b)});
    n = add(out, n, b, (struct dash_view){.name = "board", .source = "board"});
    for (size_t i = 0; i < b->tracks; i++) {
        const struct build_track *const t = &b->track[i];
        const bool first = i == 0 || b->track[i - 1].site_no != t->site_no;
        if (first && t->site_no != 0 && !t->floor)
            n = add_site(out, n, b, t);
    }
    return n;
}

static void put_representation(FILE *f, const struct build_track *t, unsigned id)
{
    (void)fprintf(f, "      <Representation id=\"%u\" bandwidth=\"%llu\" codecs=\"%s\"", id,
                  (unsigned long long)dash_bandwidth(t), dash_codec(t));
    if (t->codec == TAPE_OPUS)
        (void)fprintf(f, " audioSamplingRate=\"48000\">\n");
    else
        (void)fprintf(f, " width=\"%u\" height=\"%u\">\n", (unsigned)t->file.width,
                      (unsigned)t->file.height);
    (void)fprintf(f,
                  "        <BaseURL>%s</BaseURL>\n"
                  "        <SegmentBase indexRange=\"%llu-%llu\">\n"
                  "          <Initialization range=\"%llu-%llu\"/>\n"
                  "        </SegmentBase>\n"
                  "      </Representation>\n",
                  t->name, (unsigned long long)t->file.index.from,
                  (unsigned long long)t->file.index.to, (unsigned long long)t->file.head.from,
                  (unsigned long long)t->file.head.to);
}

static void put_view(FILE *f, const struct build *b, const struct dash_view *v)
{
    unsigned id = 0;
    if (v->source) {
        (void)fprintf(f, "    <AdaptationSet mimeType=\"video/webm\" contentType=\"video\">\n");
        for (size_t i = 0; i < b->tracks; i++)
            if (dash_shows(v, &b->track[i]))
                put_representation(f, &b->track[i], id++);
        (void)fprintf(f, "    </AdaptationSet>\n");
    }
    if (v->voice) {
        (void)fprintf(f, "    <AdaptationSet mimeType=\"audio/webm\" contentType=\"audio\">\n");
        put_representation(f, v->voice, id);
        (void)fprintf(f, "    </AdaptationSet>\n");
    }
}

enum err dash_write(const char *path, const struct build *b, const struct dash_view *v)
{
    FILE *const f = fopen(path, "w");
    if (!f)
        return E_IO;
    (void)fprintf(f,
                  "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                  "<MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" type=\"static\"\n"
                  "     profiles=\"urn:webm:dash:profile:webm-on-demand:2012\"\n"
                  "     mediaPresentationDuration=\"PT%.3fS\" minBufferTime=\"PT2S\">\n"
                  "  <Period id=\"0\" start=\"PT0S\" duration=\"PT%.3fS\">\n",
                  (double)b->tape->end / 1e6, (double)b->tape->end / 1e6);
    put_view(f, b, v);
    (void)fprintf(f, "  </Period>\n</MPD>\n");
    const bool good = !ferror(f);
    return fclose(f) == 0 && good ? OK : E_IO;
}
