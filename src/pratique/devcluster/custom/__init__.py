"""Resources that people define: how a definition is checked and served, and how its objects are kept."""
