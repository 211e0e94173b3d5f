"""The entry point. It imports the command line only when it runs: the processes of a pool import this
module too, and need none of it."""


def main() -> None:
    from chartbridge.cli import cli

    cli()


if __name__ == "__main__":
    main()
