"""`tritone generate` and `tritone say`."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated

import typer

from ops.client.errors import INTERRUPTED, ClientError
from ops.client.making import make_files
from ops.client.names import choose_format, require_folder
from ops.client.orders import (
    SPEECH_PATH,
    Order,
    SoundOptions,
    SpeechOptions,
    Target,
    order_sound,
    order_speech,
    order_stream,
)
from ops.client.player import find_player, play
from ops.client.screen import Screen, print_file, screen
from ops.client.server import Server
from ops.client.where import Choice, server
from ops.settings import load_settings

_MAX_VARIATIONS = 64

Words = Annotated[str, typer.Argument(help="What to make; `-` reads it from stdin.")]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", help="File, or a folder that is there.")
]
Format = Annotated[
    str | None,
    typer.Option(
        "--format", help="wav, mp3, flac, opus, aac or pcm; default: as the file ends, else wav."
    ),
]
Model = Annotated[str | None, typer.Option(help="A served model; default: the server's.")]
Url = Annotated[
    str | None,
    typer.Option(
        envvar="TRITONE_URL",
        help="Server to ask; default: the one that runs here, or one that is started for the "
        "moment.",
    ),
]
Key = Annotated[str | None, typer.Option(envvar="TRITONE_KEY", help="API key, where one is asked.")]


def generate(  # noqa: PLR0913, PLR0917 -- every parameter is an option of the command line
    prompt: Words,
    output: Output = None,
    n: Annotated[
        int, typer.Option("-n", min=1, max=_MAX_VARIATIONS, help="How many, each with a seed.")
    ] = 1,
    seconds: Annotated[float | None, typer.Option(help="Length; default: the model's.")] = None,
    seed: Annotated[
        int | None, typer.Option(help="Repeats a sound; of many, the first one's.")
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Denoising steps.")] = None,
    guidance: Annotated[
        float | None, typer.Option(help="How closely to follow the prompt.")
    ] = None,
    negative: Annotated[str | None, typer.Option(help="What to avoid.")] = None,
    model: Model = None,
    audio_format: Format = None,
    url: Url = None,
    key: Key = None,
) -> None:
    """Make a sound from words, and write it into a file.

    The file is named after the words, the seed and the length, unless -o says otherwise.
    """
    _check(lambda: require_folder(output))
    words, target = _read(prompt), choose_format(audio_format, output)

    def order(i: int) -> Order:
        options = SoundOptions(
            model=model,
            seconds=seconds,
            steps=steps,
            guidance_scale=guidance,
            negative_prompt=negative,
            seed=None if seed is None else seed + i,
        )
        return order_sound(
            words, options, Target(audio_format=target, output=output, is_one_of_many=n > 1)
        )

    _run_with_server(Choice(url=url, key=key), _making([order(i) for i in range(n)]))


def say(  # noqa: PLR0913, PLR0917
    text: Words,
    output: Output = None,
    voice: Annotated[str | None, typer.Option(help="An installed voice, such as `heart`.")] = None,
    speed: Annotated[float | None, typer.Option(help="2 is twice as fast.")] = None,
    model: Model = None,
    audio_format: Format = None,
    url: Url = None,
    key: Key = None,
) -> None:
    """Speak a text: into a file with -o, else from this machine's speakers."""
    _check(lambda: require_folder(output) if output else find_player())
    words, options = _read(text), SpeechOptions(model=model, voice=voice, speed=speed)
    if output is not None:
        target = Target(audio_format=choose_format(audio_format, output), output=output)
        work = _making([order_speech(words, options, target)])
    else:
        work = _playing(words, options)
    _run_with_server(Choice(url=url, key=key), work)


Work = Callable[[Server, Screen], Awaitable[list[Path]]]


def _making(orders: list[Order]) -> Work:
    async def make(found: Server, shown: Screen) -> list[Path]:
        return await make_files(found, orders, shown)

    return make


def _playing(text: str, options: SpeechOptions) -> Work:
    async def speak(found: Server, shown: Screen) -> list[Path]:
        shown.say("speaking")
        await play(find_player(), found.stream(SPEECH_PATH, order_stream(text, options)))
        return []

    return speak


def _check(look: Callable[[], object]) -> None:
    """End the command where it would be in vain, before a server is started for it."""
    try:
        look()
    except ClientError as error:
        raise _exit(error) from None


def _run_with_server(choice: Choice, work: Work) -> None:
    async def run() -> list[Path]:
        with screen() as shown:
            async with server(load_settings(), choice, shown.say) as found:
                return await work(found, shown)

    try:
        files = asyncio.run(run())
    except ClientError as error:
        raise _exit(error) from None
    except KeyboardInterrupt:
        typer.echo("tritone: cancelled", err=True)
        raise typer.Exit(INTERRUPTED) from None
    for file in files:
        print_file(str(file))


def _read(words: str) -> str:
    return sys.stdin.read() if words == "-" else words


def _exit(error: ClientError) -> typer.Exit:
    typer.echo(f"tritone: {error}", err=True)
    return typer.Exit(error.exit_code)
