"""What ``doctor`` says of a bot on Discord that could log in."""

from __future__ import annotations

from collections.abc import Sequence

import discord

from bot.ports import Finding

PERMISSIONS = discord.Permissions(
    view_channel=True,
    send_messages=True,
    send_messages_in_threads=True,
    embed_links=True,
    # To look whether a message that may have arrived did.
    read_message_history=True,
)
SCOPES = ("bot", "applications.commands")
PORTAL = "https://discord.com/developers/applications"


def about(client: discord.Client, guilds: int) -> Sequence[Finding]:
    """``guilds``: the servers it is in, 200 at most."""
    application = client.application
    assert client.user is not None and application is not None
    findings = [Finding("discord token", True, f"logged in as {client.user} ({client.user.id})")]
    if application.interactions_endpoint_url:
        findings.append(
            Finding(
                "discord commands",
                False,
                "the application sends commands to an interactions endpoint address, so none arrive here",
                f"empty Interactions Endpoint URL in {PORTAL}/{application.id}/information",
            )
        )
    invite = discord.utils.oauth_url(application.id, permissions=PERMISSIONS, scopes=SCOPES)
    many = f"{guilds}{'+' if guilds >= 200 else ''} server{'' if guilds == 1 else 's'}"
    findings.append(
        Finding("discord servers", True, f"in {many}; invite link: {invite}")
        if guilds
        else Finding("discord servers", False, "in no server yet", f"invite it: {invite}")
    )
    if not application.bot_public:
        findings.append(Finding("discord invite", True, "not public: only its owner can add it to servers"))
    return tuple(findings)
