"""`ten-thetas`, or `python -m ten_thetas`: opens the app in a browser."""

from __future__ import annotations

import argparse
import sys

from lrcore.places import APP, CACHE_FOLDER, OWN_WEIGHTS_FOLDER, PROGRAM


def main(argv: list[str] | None = None) -> None:
    """Run the app until it is stopped; `argv` is by default the process's own."""
    arguments = _parser().parse_args(argv)
    options = [f"--server.address={arguments.address}"]
    # Streamlit looks for a free port itself, as long as nobody asks for a certain one.
    if arguments.port is not None:
        options.append(f"--server.port={arguments.port}")
    if arguments.no_browser:
        options.append("--server.headless=true")
    # Imported only now: help and mistakes are answered at once.
    from streamlit.web import cli

    sys.exit(cli.main(["run", str(APP), *options], prog_name="streamlit"))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="Open Ten Thetas in a browser. End it with Ctrl+C.",
        epilog=f"Models of your own, made by `python -m lrcore train --keep NAME` or put there, "
        f"lie in {OWN_WEIGHTS_FOLDER} and are offered beside those that come along. "
        f"What may be deleted at any time lies in {CACHE_FOLDER}. "
        "Streamlit's further settings are read from environment variables: STREAMLIT_...",
    )
    parser.add_argument(
        "--port", type=_port, help="1 to 65535 (default: 8501, or the next one that is free)"
    )
    parser.add_argument(
        "--address",
        default="localhost",
        help="which visitors it listens to (default: %(default)s, this machine alone; "
        "0.0.0.0: every machine that can reach this one)",
    )
    parser.add_argument(
        "--no-browser", action="store_true", help="open no browser; the address is printed"
    )
    return parser


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"{text!r} is no port; choose one from 1 to 65535")
    return int(text)


if __name__ == "__main__":
    main()
