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

FROM python:3.13-slim-trixie
# The folder is where a volume with the GitHub App's credentials belongs.
RUN useradd --system --uid 10001 --no-create-home kova \
 && install -d -o 10001 -g 10001 -m 700 /var/lib/kova
COPY --from=build /kova /kova
ENV PATH=/kova/bin:$PATH PYTHONUNBUFFERED=1
# For platforms that mount an empty volume here, such as ECS: it then has this folder's mode.
VOLUME ["/tmp"]
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(r.Request('http://127.0.0.1:8000/health', headers={'X-Origin-Verify': os.environ.get('KOVA_ORIGIN_SECRET', '').partition(',')[0].strip()}), timeout=2)"]
ENTRYPOINT ["kova"]
CMD ["serve", "--host", "0.0.0.0"]
