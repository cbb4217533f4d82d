/* schema.h - the text of schema.sql, made a part of the program by the build. */
#pragma once

extern const char schema_sql[];
