# One image for the API and the worker: `kova serve` and `kova worker`.
FROM python:3.13-slim-trixie AS build
COPY requirements/server.txt requirements/extra.txt /build/
RUN python -m venv /kova \
 && /kova/bin/pip install --no-cache-dir --require-hashes --only-binary :all: -r /build/server.txt
# Optional analysers, programs of their own (shellcheck and hadolint under the GPL).
RUN /kova/bin/pip install --no-cache-dir --require-hashes --only-binary :all: -r /build/extra.txt
COPY layers/common /build/common
COPY server /build/server
COPY functions /build/functions
# The wheels of the project are built with the interpreter's own tools: nothing else is fetched.
RUN cp -R /build/common/kova /build/server/kova_server /build/functions "$(/kova/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" \
 && printf '#!/kova/bin/python\nfrom kova_server.cli import main\nmain()\n' > /kova/bin/kova \
 && chmod 755 /kova/bin/kova \
 && /kova/bin/python -m compileall -q /kova/lib

# What `kova backup` and `kova restore` run, from the image of the server (docker-compose.yml names the
# same): its major version, with TLS. Their libraries stay apart from those of Python.
FROM postgres:18.4@sha256:3a82e1f56c8f0f5616a11103ac3d47e632c3938698946a7ad26da0df1334744a AS postgres
# The wrapper's own shell expands what stands in single quotes.
# hadolint ignore=SC2016
RUN mkdir -p /postgres/bin /postgres/lib /postgres/programs \
 && cp -L /usr/lib/postgresql/18/bin/pg_dump /usr/lib/postgresql/18/bin/pg_restore /usr/lib/postgresql/18/bin/psql /postgres/programs \
 && ldd /usr/lib/postgresql/18/bin/pg_dump /usr/lib/postgresql/18/bin/pg_restore /usr/lib/postgresql/18/bin/psql > /postgres/needed \
 # Not the C library: it belongs to the system on which they run.
 && sed -i -n '/\/lib\(c\|m\|pthread\|dl\|rt\|resolv\)\.so/d; s/.* => \(\/[^ ]*\) .*/\1/p' /postgres/needed \
 && sort -u -o /postgres/needed /postgres/needed \
 && xargs -a /postgres/needed cp -L -t /postgres/lib \
 && rm /postgres/needed \
 && printf '#!/bin/sh\nLD_LIBRARY_PATH=/postgres/lib exec "/postgres/programs/${0##*/}" "$@"\n' > /postgres/bin/pg_dump \
 && chmod 755 /postgres/bin/pg_dump \
 && cp /postgres/bin/pg_dump /postgres/bin/pg_restore \
 && cp /postgres/bin/pg_dump /postgres/bin/psql

FROM python:3.13-slim-trixie
# The folders are where volumes belong: of the GitHub App's credentials, and of backups.
RUN useradd --system --uid 10001 --no-create-home kova \
 && install -d -o 10001 -g 10001 -m 700 /var/lib/kova /var/lib/kova-backups
COPY --from=build /kova /kova
COPY --from=postgres /postgres /postgres
ENV PATH=/kova/bin:$PATH PYTHONUNBUFFERED=1 KOVA_PG_BIN=/postgres/bin
# For platforms that mount an empty volume here, such as ECS: it then has this folder's mode.
VOLUME ["/tmp"]
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(r.Request('http://127.0.0.1:8000/health', headers={'X-Origin-Verify': os.environ.get('KOVA_ORIGIN_SECRET', '').partition(',')[0].strip()}), timeout=2)"]
ENTRYPOINT ["kova"]
CMD ["serve", "--host", "0.0.0.0"]
