# The image of both programs, hotlink-proxy and hotlink-relay, and (stage `party`) of the demo's
# parties. `make image` builds both; docs/containers.md says how they are run.

FROM debian:bookworm-slim AS build
WORKDIR /src
# Before the sources: as long as the packages stay the same, this layer does.
COPY scripts/install-deps scripts/
RUN scripts/install-deps build && apt-get clean && rm -rf /var/lib/apt/lists/*
COPY Makefile ./
COPY common common
COPY net net
COPY proxy proxy
COPY relay relay
RUN make COMMIT=unknown
# The context has no .git, so the commit comes from outside. In a layer of its own: another commit of
# the same sources compiles one file.
ARG COMMIT=unknown
RUN make COMMIT="$COMMIT" && strip build/release/hotlink-proxy build/release/hotlink-relay

# What the parties of compose.yaml run: python3 and the demo's programs, nothing of ours.
FROM debian:bookworm-slim AS party
RUN apt-get update && apt-get install -y --no-install-recommends python3 \
  && apt-get clean && rm -rf /var/lib/apt/lists/*
COPY demo /demo
USER 10001:10001
ENTRYPOINT ["python3", "-B", "/demo/party.py"]

FROM debian:bookworm-slim AS runtime
RUN --mount=type=bind,from=build,source=/src/scripts,target=/scripts \
  /scripts/install-deps run && apt-get clean && rm -rf /var/lib/apt/lists/*
COPY --from=build /src/build/release/hotlink-proxy /src/build/release/hotlink-relay /usr/local/bin/
# A number, so that "must not be root" can be checked without reading the image's passwd.
USER 10001:10001
# Drains; the exit code says whether everything was acknowledged.
STOPSIGNAL SIGTERM
# Finds the sidecar by SYFTBOX_DATA_DIR.
HEALTHCHECK --interval=5s --timeout=5s --start-period=60s --retries=3 \
  CMD ["hotlink-proxy", "ready"]
ENTRYPOINT ["hotlink-proxy"]
