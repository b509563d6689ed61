"""Starts the web page: `python app.py`."""

from talker.web.app import serve

if __name__ == "__main__":
    serve()
