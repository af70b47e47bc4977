# ckseq on the CPU: docker build -t ckseq . && docker run --rm -v "$PWD/out:/work" ckseq
FROM python:3.12-slim AS build
WORKDIR /source
COPY setup.cfg pyproject.toml README.md LICENSE LICENSE-APACHE ./
COPY ckseq ckseq
COPY pipelines pipelines
COPY experiments experiments
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM python:3.12-slim
COPY --from=build /wheels /wheels
RUN pip install --no-cache-dir "$(echo /wheels/*.whl)[networks]" && useradd --uid 1000 --create-home ckseq
# matplotlib and Keras keep files of their own there, whoever runs it
ENV HOME=/tmp MPLCONFIGDIR=/tmp KERAS_HOME=/tmp/keras
USER ckseq
WORKDIR /work
CMD ["ckseq", "demo"]
