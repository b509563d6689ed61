"""The parts of the web page; `app.py` wires them to `Talker`."""
