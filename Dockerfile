# The page on port 7860: docker build -t talker . && docker run -p 7860:7860 talker
FROM python:3.11-slim-bookworm
WORKDIR /talker
# PyTorch's builds for CPUs; an empty value takes the index's own, which bring CUDA (4 GB)
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ENV PIP_EXTRA_INDEX_URL=${TORCH_INDEX} PIP_NO_CACHE_DIR=1 TALKER_CACHE=/talker/cache
COPY . .
RUN apt-get update -qq && xargs apt-get install -y -qq --no-install-recommends < packages.txt
RUN pip install --quiet --constraint requirements.txt .
RUN talker fetch
RUN useradd --create-home talker && chown -R talker cache
USER talker
ENV GRADIO_SERVER_NAME=0.0.0.0
EXPOSE 7860
CMD ["talker", "web"]
