"""The pages, one file each: a query to the service, a view model, a template's name."""
