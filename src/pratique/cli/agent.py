"""`pratique agent`: one of the add-on's programs, with Gatekeeper's flags."""

from __future__ import annotations

import click


@click.command()
@click.option(
    "--operation",
    "operations",
    multiple=True,
    type=click.Choice(["webhook", "mutation-webhook", "audit", "sync", "status"]),
    help="A role of this process; repeat it for several. All roles without it.",
)
@click.option("--port", default=8443, show_default=True, help="Port of the webhook.")
@click.option("--host", default="", help="Address to listen on; POD_IP, or every address, without it.")
@click.option("--health-addr", default=":9090", show_default=True, help="Address of /healthz and /readyz.")
@click.option("--prometheus-port", default=8888, show_default=True, help="Port of /metrics.")
@click.option("--audit-interval", default=60, show_default=True, help="Seconds between full audits; 0: none.")
@click.option("--audit-chunk-size", default=500, show_default=True, help="Objects asked for at a time.")
@click.option(
    "--constraint-violations-limit",
    default=20,
    show_default=True,
    help="Violations that a constraint's status lists.",
)
@click.option("--exempt-namespace", multiple=True, help="A namespace that may carry the ignore label.")
@click.option("--exempt-namespace-prefix", multiple=True, help="The same, for every name that begins so.")
@click.option("--exempt-namespace-suffix", multiple=True, help="The same, for every name that ends so.")
@click.option("--log-denies", is_flag=True, help="Log each denial.")
@click.option("--log-mutations", is_flag=True, help="Log each mutation.")
@click.option(
    "--mutation-annotations", is_flag=True, help="Annotate objects with the mutators that changed them."
)
@click.option(
    "--enable-generator-resource-expansion/--disable-generator-resource-expansion",
    "expand",
    default=True,
    help="Judge what objects will generate; on by default.",
)
@click.option(
    "--enable-external-data/--disable-external-data",
    "external_data",
    default=True,
    help="Let policies call external_data; on by default.",
)
@click.option(
    "--external-data-provider-response-cache-ttl",
    "external_data_ttl",
    default="3m",
    show_default=True,
    help="How long a provider's answer is kept; 0: not at all.",
)
@click.option(
    "--disable-enforcementaction-validation", is_flag=True, help="Accept unknown enforcement actions."
)
@click.option("--disable-cert-rotation", is_flag=True, help="Serve with the certificate in --cert-dir.")
@click.option("--cert-dir", default="/certs", show_default=True, help="Folder with tls.crt and tls.key.")
@click.option("--shutdown-delay", default=3.0, show_default=True, help="Seconds to go on serving at the end.")
@click.option(
    "--log-level",
    type=click.Choice(["DEBUG", "INFO", "WARNING", "ERROR"], case_sensitive=False),
    default="INFO",
    show_default=True,
    help="What is logged.",
)
@click.option("--kubeconfig", default="", help="A kubeconfig, when not run inside of a cluster.")
@click.option("--context", default="", help="A context of it.")
def agent(**options: object) -> None:
    """Enforce policies in a cluster: webhook, audit, sync.

    Runs in the cluster's pods; `pratique addon enable` puts it there. It is managed by a service when
    PRATIQUE_SERVICE_URL, PRATIQUE_SERVICE_TOKEN, PRATIQUE_SERVICE_CA and PRATIQUE_CLUSTER are set, and a
    drop-in for Gatekeeper without.
    """
    import gc

    import uvloop

    from pratique.agent import app, logs

    settings = _settings(options)
    logs.configure(settings.log_level)
    roles: list = []  # type: ignore[type-arg]
    if settings.operations & {"webhook", "mutation-webhook"}:
        from pratique.agent.front import Front

        roles.append(Front)
    if settings.operations & {"audit", "sync", "status"}:
        from pratique.agent.leader import Leader

        roles.append(Leader)
    # What was imported lives as long as the process: collections need not look at it again.
    gc.freeze()
    uvloop.run(app.run(settings, roles))


def _settings(options: dict):  # type: ignore[no-untyped-def,type-arg]
    from pratique.agent import settings

    name, namespace, address = settings.pod_from()
    return settings.Settings(
        operations=frozenset(options["operations"] or settings.OPERATIONS),
        pod_name=name,
        namespace=namespace,
        host=options["host"] or address,
        port=options["port"],
        health_port=settings.port_of(options["health_addr"], flag="--health-addr"),
        metrics_port=options["prometheus_port"],
        audit_interval=options["audit_interval"],
        violations_limit=options["constraint_violations_limit"],
        chunk_size=options["audit_chunk_size"],
        exempt_namespaces=options["exempt_namespace"],
        exempt_prefixes=options["exempt_namespace_prefix"],
        exempt_suffixes=options["exempt_namespace_suffix"],
        log_denies=options["log_denies"],
        log_mutations=options["log_mutations"],
        annotate_mutations=options["mutation_annotations"],
        expand=options["expand"],
        external_data=options["external_data"],
        external_data_seconds=settings.seconds_of(
            options["external_data_ttl"], flag="--external-data-provider-response-cache-ttl"
        ),
        validate_enforcement_action=not options["disable_enforcementaction_validation"],
        rotate_certificates=not options["disable_cert_rotation"],
        certificate_folder=options["cert_dir"],
        shutdown_delay=options["shutdown_delay"],
        log_level=options["log_level"],
        kubeconfig=options["kubeconfig"],
        context=options["context"],
        service=settings.service_from(),
    )
