# The program without a window, for clusters: benchmarks, maps, training. assets/jobs/kubernetes.yaml uses this image.
#
#   docker build -t saliscope .
#   docker run --rm -v "$PWD:/data" -w /data --user "$(id -u):$(id -g)" saliscope benchmark run --demo --out demo-run
#
# The first build compiles everything; .dockerignore keeps target/ out. Research use - not for diagnosis.
FROM rust:1.95-bookworm AS build
WORKDIR /saliscope
COPY . .
RUN cargo build --release --locked

FROM debian:bookworm-slim
COPY --from=build /saliscope/target/release/saliscope /usr/local/bin/saliscope
COPY --from=build /saliscope/LICENSE-MIT /saliscope/LICENSE-APACHE /usr/share/doc/saliscope/
# Settings of a user without a home.
ENV SALISCOPE_HOME=/tmp/saliscope
WORKDIR /data
ENTRYPOINT ["saliscope"]
CMD ["--help"]
