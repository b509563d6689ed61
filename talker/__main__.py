"""`python -m talker` and the command `talker`."""

import sys


def main() -> int:
    """Run the command line; `doctor` needs nothing that could be missing, so it comes before all other imports."""
    if sys.argv[1:2] == ["doctor"]:
        from talker import doctor

        return doctor.main()
    try:
        from talker import cli
    except ImportError as error:
        print(f"talker: {error}. `talker doctor` says what is missing and what to do.", file=sys.stderr)
        return 2
    return cli.main()


if __name__ == "__main__":
    sys.exit(main())
