# ckseq on the CPU: docker build -t ckseq . && mkdir -p out && docker run --rm --user "$(id -u)" -v "$PWD/out:/work" ckseq
FROM python:3.12-slim-trixie AS build
WORKDIR /source
COPY setup.cfg pyproject.toml README.md LICENSE LICENSE-APACHE ./
COPY ckseq ckseq
COPY pipelines pipelines
COPY experiments experiments
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM python:3.12-slim-trixie
# other extras: docker build --build-arg EXTRAS=networks,tune,live,video .
ARG EXTRAS=networks
COPY --from=build /wheels /wheels
# the demo may be written to /work by whatever user the container runs as
RUN pip install --no-cache-dir "$(echo /wheels/*.whl)[$EXTRAS]" && mkdir --mode=1777 /work
# matplotlib and Keras keep files of their own there, whoever runs it
ENV HOME=/tmp MPLCONFIGDIR=/tmp KERAS_HOME=/tmp/keras
USER 1000
WORKDIR /work
CMD ["ckseq", "demo"]
