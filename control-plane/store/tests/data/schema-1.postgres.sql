-- What the first schema left in a database, as pg_dump wrote it.
SELECT pg_catalog.set_config('search_path', '', false);
CREATE TABLE public._sqlx_migrations (
    version bigint NOT NULL,
    description text NOT NULL,
    installed_on timestamp with time zone DEFAULT now() NOT NULL,
    success boolean NOT NULL,
    checksum bytea NOT NULL,
    execution_time bigint NOT NULL
);
CREATE TABLE public.api_keys (
    id text NOT NULL,
    tenant text NOT NULL,
    hash text NOT NULL,
    fingerprint bigint NOT NULL,
    hint text NOT NULL,
    scopes text NOT NULL,
    tier text,
    created_at bigint NOT NULL,
    expires_at bigint,
    revoked_at bigint,
    replaced_by text,
    overlap_until bigint,
    seq bigint NOT NULL
);
CREATE TABLE public.store (
    one bigint NOT NULL,
    seq bigint NOT NULL,
    secret_check text,
    CONSTRAINT store_one_check CHECK ((one = 1))
);
CREATE TABLE public.tenants (
    id text NOT NULL,
    tier text,
    suspended bigint NOT NULL,
    created_at bigint NOT NULL,
    deleted_at bigint,
    seq bigint NOT NULL,
    CONSTRAINT tenants_suspended_check CHECK ((suspended = ANY (ARRAY[(0)::bigint, (1)::bigint])))
);
INSERT INTO public._sqlx_migrations VALUES (1, 'tenants and keys', '2026-11-24 18:59:22.390308+00', true, '\x4ff2543b0c264a8cd841cc6ef55727e7138e95a5222aed8a3eee696475718b46ffeccb3e34ec7d801b26a1efae0af606', 4308070);
INSERT INTO public.api_keys VALUES ('ci', 'acme', '21WvI9DzxC1OA_Wq1niJwJyktGdA6RMM06TfGSB6O8c', 8982879015335359917, 'tg_0El6', 'orders.read orders.write', NULL, 1800000000, NULL, NULL, NULL, NULL, 2);
INSERT INTO public.store VALUES (1, 3, 'Gc-jPcq4iOTDVy1eNDe0YoQmhQp9k3xHcjN3G8PPJx4');
INSERT INTO public.tenants VALUES ('acme', 'pro', 0, 1800000000, NULL, 3);
ALTER TABLE ONLY public._sqlx_migrations
    ADD CONSTRAINT _sqlx_migrations_pkey PRIMARY KEY (version);
ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_hash_key UNIQUE (hash);
ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_seq_key UNIQUE (seq);
ALTER TABLE ONLY public.store
    ADD CONSTRAINT store_pkey PRIMARY KEY (one);
ALTER TABLE ONLY public.tenants
    ADD CONSTRAINT tenants_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.tenants
    ADD CONSTRAINT tenants_seq_key UNIQUE (seq);
CREATE INDEX api_keys_of_tenant ON public.api_keys USING btree (tenant);
ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_tenant_fkey FOREIGN KEY (tenant) REFERENCES public.tenants(id);
